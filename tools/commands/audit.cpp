#include "commands/audit.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>

#include "commands/operation_table.hpp"
#include "input/filter.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/csv.hpp"
#include "output/table.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/json.hpp"

namespace waybill::cli {

namespace {

std::vector<audit_verb> read_verbs(const std::vector<std::string>& values) {
  std::vector<audit_verb> verbs;
  for (const auto& value : values)
    for (const auto& word : split(value)) {
      const auto verb = parse_audit_verb(word);
      if (!verb)
        must_be("--verb",
                "of requeue, discard, pause, resume and purge, with commas in "
                "between",
                value);
      verbs.push_back(*verb);
    }
  return verbs;
}

std::optional<timestamp> read_time(const char* option,
                                   const std::optional<std::string>& text,
                                   const context& c) {
  if (!text)
    return std::nullopt;
  const auto time = parse_time(*text, c.now(), c.where());
  if (!time)
    must_be(option, "a duration like 30d, or a time like 2026-11-23", *text);
  return time;
}

// Hands the records to `each`, the newest first, `limit` at most.
// @returns whether there are others.
bool for_each_act(store_reader& reader, list_audit request, std::int64_t limit,
                  const std::function<void(const audit_record&)>& each) {
  for (std::int64_t shown = 0; !stop_asked();) {
    const auto page = reader.list_audit(request);
    for (const auto& record : page.records) {
      if (shown++ == limit)
        return true;
      each(record);
    }
    request.after = page.next;
    if (!request.after)
      return false;
  }
  return true;
}

std::vector<column> act_columns() {
  constexpr std::size_t date_and_minute = 16;
  return {
    {.title = "when",
     .least = date_and_minute,
     .grows = 3,
     .cut = cutting::beginning},
    {.title = "who", .least = 4, .left_out = 1, .grows = 1},
    {.title = "act"},
    {.title = "count", .align = alignment::right, .left_out = 2},
    {.title = "what",
     .least = 12,
     .enough = 24,
     .grows = 1,
     .cut = cutting::middle},
    {.title = "reason", .least = 12, .left_out = 3, .enough = 24, .grows = 2}};
}

std::vector<cell> row_of(const audit_record& x, const context& c) {
  return {{time_text(x.at, c.where())},
          x.who ? text_cell(x.who) : cell{"(host)", colour::dim},
          {to_string(x.verb), colour::bold},
          count_cell(x.operations),
          text_cell(x.what),
          text_cell(x.reason)};
}

} // namespace

command setup_audit(CLI::App& parent) {
  auto x = std::make_shared<audit_options>();
  auto& app = add_command(parent, "audit",
                          "show what operators have done, and who");
  add_texts(app, "--verb", x->verbs, "LIST",
            "requeue, discard, pause, resume, purge; several with\n"
            "commas or by repeating it");
  add_text(app, "--since", x->since, "TIME", "begun at or after it");
  add_text(app, "--until", x->until, "TIME", "begun before it");
  add_number(app, "--limit", x->limit, 1,
             std::numeric_limits<std::int64_t>::max(), "so many at most (50)");
  add_switch(app, "--all", x->all, "all of them");
  add_format(app, x->format);
  add_footer(
    app,
    "The newest come first. What has changed nothing is not among them. What\n"
    "was done in steps is one act, whose operations are counted step by step.\n"
    "\n"
      + std::string{times_explained}
      + "\n"
        "\n"
        "Examples:\n"
        "  waybill audit --db track.db\n"
        "  waybill audit --db track.db --verb discard,purge --since 7d --json");
  return {&app, [x](context& c) { return run_audit(c, *x); }};
}

exit_code run_audit(context& c, const audit_options& x) {
  if (x.all && x.limit)
    throw usage_error{"--all and --limit are at odds"};
  const auto format = format_of(c, x.format);
  list_audit request;
  request.verbs = read_verbs(x.verbs);
  request.from = read_time("--since", x.since, c);
  request.until = read_time("--until", x.until, c);
  request.page_size = limits::max_page_size;
  stop_on_signals();
  auto reader = c.open_reader();
  table rows{act_columns(), c.screen()};
  if (format == list_format::csv)
    c.out().write(csv_header<audit_record>());
  const auto rest = for_each_act(reader, request,
                                 x.all
                                   ? std::numeric_limits<std::int64_t>::max()
                                   : x.limit.value_or(list_view::default_limit),
                                 [&](const audit_record& each) {
                                   if (rows.size() == limits::max_page_size)
                                     c.out().write(rows.take(false));
                                   if (format == list_format::table)
                                     rows.add(row_of(each, c));
                                   else if (format == list_format::csv)
                                     c.print_data(csv_record(each));
                                   else
                                     c.print_json(to_json_text(each));
                                 });
  if (rows.size() > 0)
    c.out().write(rows.take());
  c.out().flush();
  if (stop_asked())
    return exit_code::interrupted;
  if (rest)
    c.note("there are others; --limit or --all shows them");
  return exit_code::ok;
}

} // namespace waybill::cli
