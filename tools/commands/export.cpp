#include "commands/export.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "files.hpp"
#include "input/options.hpp"
#include "input/resume_point.hpp"
#include "interruption.hpp"
#include "output/data_text.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// Operations between two looks for a signal. A stopped export goes on at the
// end of a page.
constexpr std::int32_t page_size = 200;

// Nobody else waits for the answer, but a signal may.
constexpr std::chrono::milliseconds page_time{200};

// How many operations there will be, as far as counters tell; 0 if they do not.
std::int64_t expected_total(store_reader& reader,
                            const operation_filter& filter) {
  operation_filter counted;
  counted.statuses = filter.statuses;
  counted.kinds = filter.kinds;
  if (counted != filter)
    return 0;
  const auto has = [](const auto& list, const auto& value) {
    return list.empty()
           || std::find(list.begin(), list.end(), value) != list.end();
  };
  std::int64_t total = 0;
  for (const auto& each : reader.get_counts().counts)
    if (has(filter.statuses, each.status) && has(filter.kinds, each.kind))
      total += each.operations;
  return total;
}

// Progress and lines would mix on one terminal.
terminal progress_screen(const context& c, const export_options& x) {
  return !x.output && c.screen().is_interactive() ? terminal{} : c.messages();
}

// An export that is under way.
class exporter {
public:
  exporter(context& c, const export_options& x, writer& out)
    : out_{out},
      for_terminal_{!x.output && c.screen().is_terminal()},
      reader_{c.open_reader()},
      view_{progress_screen(c, x), "exported"} {
    const auto before = read_resume_point(x.cursor);
    moment_ = before ? before->moment : c.now();
    request_.filter = read_filter(x.filter, moment_, c.where());
    request_.order = list_order::oldest_first;
    request_.page_size = page_size;
    if (before)
      request_.cursor = before->cursor;
    next_ = request_.cursor;
    if (view_.is_shown() && !before)
      total_ = expected_total(reader_, request_.filter);
  }

  // Ends at the last operation or with a signal.
  // `page_end` is called after each page that is not the last.
  void run(const std::function<void()>& page_end = {}) {
    if (const auto fault = find_fault(request_))
      throw usage_error{escape(*fault)};
    do {
      // One snapshot and one sync for all of a page.
      const auto page = reader_.list_records(request_, page_time);
      for (const auto& record : page.records)
        write(record);
      if (!page.next_cursor && request_.filter == operation_filter{}
          && !write_audit())
        break;
      end_page(page.next_cursor);
      request_.cursor = next_;
      if (next_ && page_end)
        page_end();
    } while (next_ && !stop_asked());
    view_.clear();
  }

  /// Whether all is written.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

  // Up to where lines are whole and written: their number, the bytes that the
  // writer had written, and the cursor of what follows.
  [[nodiscard]] std::int64_t count() const { return whole_count_; }
  [[nodiscard]] std::int64_t bytes() const { return whole_bytes_; }
  [[nodiscard]] std::optional<resume_point> next() const {
    if (!next_)
      return std::nullopt;
    return resume_point{.moment = moment_, .cursor = *next_};
  }

private:
  void write(const operation_record& record) {
    write_line(record);
    ++count_;
    view_.show(count_, total_);
  }

  // Behind all operations, as a part of their last page: an import that knows
  // no such lines has those.
  // @returns false if a signal has come meanwhile.
  bool write_audit() {
    list_audit request;
    request.order = list_order::oldest_first;
    request.page_size = limits::max_page_size;
    do {
      if (stop_asked())
        return false;
      const auto page = reader_.list_audit(request);
      for (const auto& each : page.records)
        write_line(exported_audit{each});
      request.after = page.next;
    } while (request.after);
    return true;
  }

  template <class Record>
  void write_line(const Record& x) {
    const auto line = to_json_text(x) + '\n';
    out_.write(for_terminal_ ? data_text(line) : line);
  }

  void end_page(const std::optional<std::string>& cursor) {
    out_.flush();
    whole_count_ = count_;
    whole_bytes_ = out_.written();
    next_ = cursor;
    is_whole_ = !next_;
  }

  writer& out_;
  const bool for_terminal_;
  store_reader reader_;
  timestamp moment_;
  list_operations request_;
  progress view_;
  std::int64_t total_ = 0;
  std::int64_t count_ = 0;
  std::int64_t whole_count_ = 0;
  std::int64_t whole_bytes_ = 0;
  std::optional<std::string> next_;
  bool is_whole_ = false;
};

std::string figures(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " operation" : " operations");
}

// What a stopped export says about going on.
std::string go_on(const exporter& work) {
  const auto next = work.next();
  return next ? "go on with: --cursor " + escape(to_string(*next))
              : "begin anew";
}

exit_code export_to_stdout(context& c, const export_options& x) {
  exporter work{c, x, c.out()};
  work.run();
  if (work.is_whole())
    return exit_code::ok;
  c.note("stopped after " + figures(work.count()) + "; " + go_on(work));
  return exit_code::interrupted;
}

void report(context& c, std::int64_t count, const std::string& file) {
  if (c.json())
    c.print_json(json_text({{"file", file}, {"operations", count}}));
  else
    c.out().write("exported " + figures(count) + " to " + escape(file) + '\n');
}

exit_code export_to_file(context& c, const export_options& x) {
  check_is_no_store_file("--output", *x.output, c.file());
  check_is_no_store_file("--output", *x.output + ".part", c.file());
  part_file target{*x.output, {.place = x.cursor, .overwrite = x.force}};
  writer out{target.descriptor(), target.shown_part()};
  std::optional<exporter> work;
  const auto count = [&] { return target.count_before() + work->count(); };
  const auto is_in_part = [&] {
    return figures(count()) + (count() == 1 ? " is in " : " are in ")
           + target.shown_part() + "; " + go_on(*work);
  };
  try {
    work.emplace(c, x, out);
    work->run([&] {
      target.note(work->bytes(), work->count(), to_string(*work->next()));
    });
    if (work->is_whole())
      target.publish();
  } catch (...) {
    // What is whole stays, so that a full disk costs no work.
    const auto bytes = work ? work->bytes() : 0;
    if (target.keep(bytes) && work)
      c.note(is_in_part());
    throw;
  }
  if (!work->is_whole()) {
    c.note("stopped: "
           + (target.keep(work->bytes()) ? is_in_part() : go_on(*work)));
    return exit_code::interrupted;
  }
  report(c, count(), *x.output);
  return exit_code::ok;
}

} // namespace

command setup_export(CLI::App& parent) {
  auto x = std::make_shared<export_options>();
  auto& app = add_command(
    parent, "export", "write operations with their histories as JSON Lines");
  add_filter(app, x->filter);
  add_text(app, "-o,--output", x->output, "FILE",
           "write there instead of standard output; until it\n"
           "is whole it is called FILE.part");
  add_switch(app, "--force", x->force, "replace FILE if it is there");
  add_text(app, "--cursor", x->cursor, "CURSOR",
           "go on where a stopped export ended, with the same\n"
           "filter and FILE, of which there is a FILE.part");
  add_footer(
    app,
    "The oldest come first, each as of the moment when it is read; a running\n"
    "service goes on. Ctrl-C leaves whole lines and says how to go on. "
    "Without\na filter the audit comes last.\n"
    "\n"
      + std::string{times_explained}
      + "\n"
        "\n"
        "Examples:\n"
        "  waybill export --db track.db -o all.jsonl\n"
        "  waybill export --db track.db --status finished --until 30d | gzip "
        "> old.gz");
  return {&app, [x](context& c) { return run_export(c, *x); }};
}

exit_code run_export(context& c, const export_options& x) {
  if (x.force && !x.output)
    throw usage_error{"--force needs --output"};
  stop_on_signals();
  return x.output ? export_to_file(c, x) : export_to_stdout(c, x);
}

} // namespace waybill::cli
