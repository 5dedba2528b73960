#include "commands/recover.hpp"

#include <filesystem>
#include <memory>

#include "files.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/store_recovery.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

constexpr std::size_t shown_remarks = 10;

std::int64_t size_of(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

std::string report_json(const recovery_report& x, const std::string& target) {
  nlohmann::ordered_json counted;
  if (x.counted)
    counted = *x.counted;
  return json_text({{"file", target},
                    {"whole", x.is_whole},
                    {"operations", x.operations},
                    {"transitions", x.transitions},
                    {"calls", x.calls},
                    {"counted", counted},
                    {"left_out", x.left_out},
                    {"unproven", x.unproven},
                    {"damaged_pages", x.damaged_pages},
                    {"remarks", x.remarks}});
}

std::string report_text(const recovery_report& x, const std::string& target) {
  const auto number_of = [](std::int64_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  return "copied " + number_of(x.operations, "operation") + ", "
         + number_of(x.transitions, "later transition") + " and "
         + number_of(x.calls, "call") + " to " + escape(target) + ", "
         + size_text(size_of(target)) + ", verified\n";
}

// What is missing or in doubt, for people.
void note_remarks(context& c, const recovery_report& x) {
  for (std::size_t i = 0; i < x.remarks.size() && i < shown_remarks; ++i)
    c.note(x.remarks[i]);
  if (x.remarks.size() > shown_remarks)
    c.note("and more: --json names up to "
           + std::to_string(recovery_report::max_remarks));
  if (x.unproven > 0)
    c.note(std::to_string(x.unproven)
           + " of the rows copied are from pages without their checksum: they "
             "look sound, but may not be what was written");
  c.note(x.left_out > 0 ? "not all is there: " + std::to_string(x.left_out)
                            + " rows that were found are left out"
                        : "what is named above is missing or in doubt");
}

} // namespace

command setup_recover(CLI::App& parent) {
  auto x = std::make_shared<recover_options>();
  auto& app = add_command(parent, "recover",
                          "copy what is sound of a damaged store");
  require(add_text(app, "FILE", x->file, "FILE",
                   "the damaged store; whatever --db says"));
  require(
    add_text(app, "NEW", x->target, "NEW", "the copy; must not be there"));
  add_switch(app, "--unproven", x->unproven,
             "copy rows of pages without their checksum too, if\n"
             "they look sound");
  add_footer(app,
             "Reads FILE and its log page by page, and makes a new store of "
             "the rows. No\n"
             "service may run on FILE, which stays as it is. First make a "
             "plain copy of all\n"
             "its files. Indexes and counters are made anew. Says what is "
             "missing or in\n"
             "doubt, and ends with 5 then; with 0 all is there.\n"
             "\n"
             "Example:\n"
             "  waybill recover track.db recovered.db");
  return {&app, [x](context& c) { return run_recover(c, *x); },
          [x] { return x->file; }};
}

exit_code run_recover(context& c, const recover_options& x) {
  const auto& target = *x.target;
  // It is made under the second name.
  for (const auto& name : {target, target + ".part"})
    check_is_no_store_file("NEW", name, c.file());
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored)))
    throw usage_error{"NEW " + quoted(target) + " is there already"};
  stop_on_signals();
  constexpr auto hint = "with --unproven rows of pages without their checksum "
                        "are copied too, if they look sound";
  std::optional<recovery_report> found;
  try {
    progress view{c.messages(), "recovered and checked", progress_unit::parts};
    found = recover_store(c.file(), target,
                          x.unproven ? unproven_rows::copy
                                     : unproven_rows::leave_out,
                          view.until_stopped());
  } catch (const store_error& e) {
    if (e.code() == errc::store_corrupt && !x.unproven)
      c.note(hint);
    throw;
  }
  if (!found) {
    c.note("stopped; there is no " + escape(target));
    return exit_code::interrupted;
  }
  if (c.json())
    c.print_json(report_json(*found, target));
  else
    c.out().write(report_text(*found, target));
  if (found->is_whole)
    return exit_code::ok;
  if (!c.json()) {
    note_remarks(c, *found);
    if (!x.unproven)
      c.note(hint);
  }
  return exit_code::alarm;
}

} // namespace waybill::cli
