#include "commands/check.hpp"

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

std::string report_json(const check_report& x) {
  return json_text({{"sound", x.faults.empty()},
                    {"faults", x.faults},
                    {"operations", x.operations},
                    {"transitions", x.transitions}});
}

std::string report_text(const check_report& x, const context& c) {
  std::string text;
  for (const auto& fault : x.faults)
    text += c.screen().paint(colour::red, escape(fault)) + '\n';
  if (x.faults.size() >= check_report::max_faults)
    text += "and maybe more\n";
  text += x.faults.empty() ? "sound: " : "damaged: ";
  return text + std::to_string(x.operations)
         + (x.operations == 1 ? " operation, " : " operations, ")
         + std::to_string(x.transitions)
         + (x.transitions == 1 ? " transition\n" : " transitions\n");
}

} // namespace

command setup_check(CLI::App& parent) {
  auto& app = add_command(parent, "check", "read all of the store for damage");
  add_footer(app,
             "Reads each page and each row: structure, checksums, counters,\n"
             "histories. A running service goes on; its write-ahead log grows\n"
             "meanwhile. Ends with 3 if something is wrong.\n"
             "\n"
             "Example:\n"
             "  waybill check --db track.db");
  return {&app, run_check};
}

exit_code run_check(context& c) {
  stop_on_signals();
  auto reader = c.open_reader();
  std::optional<check_report> found;
  {
    progress view{c.messages(), "checked", progress_unit::parts};
    found = reader.check(view.until_stopped());
  }
  if (!found) {
    c.note("stopped; nothing is known about what was not read");
    return exit_code::interrupted;
  }
  if (c.json())
    c.print_json(report_json(*found));
  else
    c.out().write(report_text(*found, c));
  return found->faults.empty() ? exit_code::ok : exit_code::store_error;
}

} // namespace waybill::cli
