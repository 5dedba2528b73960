#include "commands/import.hpp"

#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <variant>

#include "input/line_reader.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/call_store.hpp"
#include "waybill/json.hpp"
#include "waybill/queries.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

constexpr std::int64_t lines_a_transaction = 1'000;

// In bytes. The longest line that an export can have is a few MiB.
constexpr std::size_t max_line = std::size_t{64} * 1'024 * 1'024;

struct import_figures {
  std::int64_t imported = 0;
  std::int64_t duplicates = 0;
  std::int64_t skipped = 0;

  import_figures& operator+=(const import_figures& x) {
    imported += x.imported;
    duplicates += x.duplicates;
    skipped += x.skipped;
    return *this;
  }
};

// Says why a line cannot be imported; ready to be printed.
class bad_line : public std::runtime_error {
public:
  bad_line(std::int64_t number, const std::string& reason)
    : std::runtime_error{"line " + std::to_string(number) + ": " + reason} {}
};

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t") == std::string::npos;
}

using exported_line = std::variant<operation_record, exported_audit>;

exported_line parse(const line_reader::line& line) {
  if (line.too_long)
    throw bad_line{line.number,
                   "longer than " + std::to_string(max_line) + " bytes"};
  try {
    const auto object = parse_json(line.text);
    if (object.is_object() && object.contains("audit"))
      return from_json<exported_audit>(object);
    return from_json<operation_record>(object);
  } catch (const json_error& e) {
    throw bad_line{line.number, e.what()};
  }
}

class importer {
public:
  importer(context& c, const import_options& x, line_reader& source,
           operation_tracking_store& store)
    : c_{c},
      skip_bad_{x.skip_bad},
      source_{source},
      store_{store},
      view_{c.messages(), "read",
            source.bytes_in_all() > 0 ? progress_unit::bytes
                                      : progress_unit::items} {}

  // Reads to the end, to a bad line, or until a signal. What is complete is
  // committed then.
  void run() {
    const clear_at_end guard{view_};
    try {
      while (!stop_asked() && !source_.at_end())
        if (const auto line = source_.next())
          take(*line);
    } catch (const bad_line&) {
      commit();
      throw;
    }
    commit();
  }

  // What is committed.
  [[nodiscard]] const import_figures& done() const { return done_; }

private:
  struct clear_at_end {
    progress& view;
    ~clear_at_end() { view.clear(); }
  };

  void take(const line_reader::line& line) {
    if (!store_.in_transaction())
      store_.begin();
    if (!is_blank(line.text) || line.too_long)
      restore(line);
    if (++lines_ % lines_a_transaction == 0)
      commit();
    if (source_.bytes_in_all() > 0)
      view_.show(source_.bytes_read(), source_.bytes_in_all());
    else
      view_.show(lines_, 0);
  }

  void restore(const line_reader::line& line) {
    try {
      const auto parsed = parse(line);
      std::visit([&](const auto& x) { restore(line.number, x); }, parsed);
    } catch (const bad_line& e) {
      if (!skip_bad_)
        throw;
      ++batch_.skipped;
      view_.clear();
      c_.note(std::string{e.what()} + "; skipped");
    }
  }

  template <class Record>
  void restore(std::int64_t number, const Record& x) {
    try {
      count(x);
    } catch (const store_error& e) {
      if (e.code() != errc::invalid_request)
        throw;
      throw bad_line{number, escape(e.what())};
    }
  }

  void count(const operation_record& x) {
    ++(store_.restore(x).outcome == enqueue_outcome::inserted
         ? batch_.imported
         : batch_.duplicates);
  }

  void count(const exported_audit& x) { store_.calls().restore(x.audit); }

  void commit() {
    if (store_.in_transaction())
      store_.commit();
    done_ += batch_;
    batch_ = {};
  }

  context& c_;
  const bool skip_bad_;
  line_reader& source_;
  operation_tracking_store& store_;
  progress view_;
  std::int64_t lines_ = 0;
  import_figures done_;
  import_figures batch_;
};

std::string summary(const import_figures& x) {
  auto text = std::to_string(x.imported) + " imported, "
              + std::to_string(x.duplicates) + " were there already";
  if (x.skipped > 0)
    text += ", " + std::to_string(x.skipped) + " bad lines skipped";
  return text;
}

void report(context& c, const import_figures& x, bool finished,
            const char* advice = "import the same again to go on") {
  if (c.json())
    c.print_json(json_text({{"imported", x.imported},
                            {"duplicates", x.duplicates},
                            {"skipped_lines", x.skipped},
                            {"finished", finished}}));
  else if (finished)
    c.out().write(summary(x) + '\n');
  else
    c.note("stopped: " + summary(x) + "; " + advice);
}

std::string input_of(const import_options& x) {
  if (!x.input && isatty(STDIN_FILENO) == 1)
    throw usage_error{"name a FILE, or - to read what is typed"};
  return x.input.value_or("-");
}

} // namespace

command setup_import(CLI::App& parent) {
  auto x = std::make_shared<import_options>();
  auto& app = add_command(parent, "import",
                          "read operations that were exported");
  add_text(app, "FILE", x->input, "FILE",
           "JSON Lines as export writes them; - or none is\n"
           "standard input");
  add_switch(app, "--skip-bad", x->skip_bad,
             "leave bad lines out instead of stopping there");
  add_footer(
    app, "No service may run on the store; it is made if it is missing.\n"
         "Operations that are there already stay as they are, so a stopped\n"
         "import goes on when it is run again.\n"
         "\n"
         "Examples:\n"
         "  waybill import --db copy.db all.jsonl\n"
         "  zcat old.gz | waybill import --db archive.db");
  return {&app, [x](context& c) { return run_import(c, *x); }};
}

exit_code run_import(context& c, const import_options& x) {
  std::optional<line_reader> input;
  try {
    input.emplace(input_of(x), max_line);
  } catch (const std::system_error& e) {
    throw failure{e.what(), exit_code::usage};
  }
  auto& source = *input;
  stop_on_signals();
  auto store = c.take_store(context::if_missing::create);
  importer work{c, x, source, store};
  try {
    work.run();
  } catch (const bad_line& e) {
    report(c, work.done(), false, "mend the line and import the same again");
    throw failure{e.what(), exit_code::usage};
  } catch (...) {
    report(c, work.done(), false);
    throw;
  }
  const auto finished = source.at_end();
  c.close(store);
  report(c, work.done(), finished);
  return finished ? exit_code::ok : exit_code::interrupted;
}

} // namespace waybill::cli
