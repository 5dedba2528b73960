// Lists of operations, with the command's filters in the URL.
#include <algorithm>
#include <chrono>
#include <utility>

#include "waybill/act_controls.hpp"
#include "waybill/filter_form.hpp"
#include "waybill/history_table.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

namespace {

constexpr std::chrono::milliseconds page_search_time{200};
constexpr std::size_t steps_in_row = 6;

// What is shown, in the order in which it is.
struct operations_view {
  list_query query;
  list_operations request;
  std::vector<tracking_status_snapshot> rows;
  /// Where older ones begin, and newer ones; none: there are none.
  std::optional<std::string> older;
  std::optional<std::string> newer;
  /// Whether the search ended before the page was full.
  bool is_cut = false;
  counts_reply counts;
  /// What times in the filter count back from.
  timestamp moment;
};

// The cursor of what comes beyond a row in that order.
std::optional<std::string> cursor_beyond(const answer_context& c,
                                         list_operations request,
                                         list_order order,
                                         const tracking_status_snapshot& row) {
  request.order = order;
  request.cursor.reset();
  return c.store.cursor_at(request, row.id);
}

operations_view look(const answer_context& c) {
  operations_view x;
  x.query = parse_list_query(c.asked.query, list_use::page);
  x.moment = x.query.after ? x.query.after->moment : c.now;
  x.request = to_request(x.query, c.now, c.about.where);
  x.counts = c.store.get_counts(c.now);
  auto reply = c.store.list(x.request, page_search_time);
  x.rows = std::move(reply.operations);
  x.is_cut = reply.next_cursor && std::ssize(x.rows) < x.request.page_size;
  if (x.query.back) {
    std::ranges::reverse(x.rows);
    x.newer = reply.next_cursor;
    if (!x.rows.empty())
      x.older = cursor_beyond(c, x.request, list_order::newest_first,
                              x.rows.back());
  } else {
    x.older = reply.next_cursor;
    if (x.query.after && !x.rows.empty())
      x.newer = cursor_beyond(c, x.request, list_order::oldest_first,
                              x.rows.front());
  }
  return x;
}

// -- links --------------------------------------------------------------------

std::string list_url(const parameters& x) {
  return x.empty() ? "operations" : "operations?" + to_query(x);
}

// The page that is shown, with another row open or none.
std::string url_with_open(const operations_view& x,
                          const std::optional<std::string>& id) {
  auto all = to_parameters(x.query.filter);
  if (x.query.after)
    all.emplace_back("cursor", to_string(*x.query.after));
  if (x.query.back)
    all.emplace_back("back", "true");
  if (id)
    all.emplace_back("open", *id);
  return list_url(all);
}

std::string url_of_page(const operations_view& x, const std::string& cursor,
                        bool back) {
  auto all = to_parameters(x.query.filter);
  all.emplace_back("cursor", to_string(resume_point{x.moment, cursor}));
  if (back)
    all.emplace_back("back", "true");
  return list_url(all);
}

std::string url_with_statuses(const operations_view& x,
                              const std::vector<std::string>& statuses) {
  auto filter = x.query.filter;
  filter.statuses = statuses;
  return list_url(to_parameters(filter));
}

// -- the answer ---------------------------------------------------------------

// Whether counters know how many there are.
bool is_counted(const filter_arguments& x) {
  auto rest = x;
  rest.statuses.clear();
  rest.kinds.clear();
  return rest == filter_arguments{};
}

std::int64_t count_of(const operations_view& x) {
  const auto& filter = x.request.filter;
  std::int64_t sum = 0;
  for (const auto& each : x.counts.counts)
    if ((filter.statuses.empty()
         || std::ranges::count(filter.statuses, each.status) > 0)
        && (filter.kinds.empty()
            || std::ranges::count(filter.kinds, each.kind) > 0))
      sum += each.operations;
  return sum;
}

std::string statuses_text(const std::vector<tracking_status>& statuses,
                          bool is_one) {
  using enum tracking_status;
  std::string noun = is_one ? "operation" : "operations";
  if (statuses.empty())
    return noun;
  if (statuses == std::vector{submitted, retrying})
    return noun + " in flight";
  if (statuses == std::vector{delivered, parked, failed, discarded})
    return "finished " + noun;
  std::string text;
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    auto word = to_string(statuses[i]);
    word.front() = static_cast<char>(word.front() | 0x20);
    if (i > 0)
      text += i + 1 < statuses.size() ? ", " : " or ";
    text += word;
  }
  return text + ' ' + noun;
}

void add_heading(page_parts& page, const operations_view& x) {
  const auto& statuses = x.request.filter.statuses;
  const auto shown = std::ssize(x.rows);
  if (is_counted(x.query.filter)) {
    const auto all = count_of(x);
    page.heading.number(all).add(" ").text(statuses_text(statuses, all == 1));
  } else if (x.rows.empty() && x.is_cut) {
    page.heading.add("No match so far among ")
      .text(statuses_text(statuses, false));
  } else if (x.rows.empty()) {
    page.heading.add("No match among ").text(statuses_text(statuses, false));
  } else if (x.older || x.newer) {
    page.heading.number(shown).add(" of the ");
    page.heading.text(statuses_text(statuses, false)).add(" that match");
  } else {
    page.heading.number(shown).add(" ");
    page.heading.text(statuses_text(statuses, shown == 1))
      .add(shown == 1 ? html{}.add(" matches") : html{}.add(" match"));
  }
  page.title = "Operations";
  page.lead.add("<p>");
  page.lead.add(command_line("list" + to_options(x.query.filter)
                             + (x.query.after && !x.query.back
                                  ? " --cursor " + to_string(*x.query.after)
                                  : "")));
  page.lead.add("</p>");
}

// -- filters ------------------------------------------------------------------

std::int64_t counted_status(const operations_view& x, tracking_status status) {
  std::int64_t sum = 0;
  for (const auto& each : x.counts.counts)
    sum += each.status == status ? each.operations : 0;
  return sum;
}

void add_tab(html& out, const std::string& url, bool is_on, const html& name,
             std::int64_t count) {
  out.add("<a href=\"").text(url).add("\"");
  if (is_on)
    out.add(" aria-current=true");
  out.add(">").add(name);
  out.add(" <small>").number(count).add("</small></a>\n");
}

// Statuses are added to what is chosen, and taken from it.
void add_tabs(html& out, const operations_view& x) {
  using enum tracking_status;
  const auto& chosen = x.request.filter.statuses;
  const auto all = std::vector<tracking_status>{};
  const auto flying = std::vector{submitted, retrying};
  std::int64_t sum = 0;
  for (const auto& each : x.counts.counts)
    sum += each.operations;
  out.add("<div class=tabs>\n");
  add_tab(out, url_with_statuses(x, {}), chosen == all, html{}.add("All"), sum);
  add_tab(out, url_with_statuses(x, {"in-flight"}), chosen == flying,
          html{}.add("In flight"),
          counted_status(x, submitted) + counted_status(x, retrying));
  for (const auto status : {parked, failed, discarded, delivered}) {
    const auto is_on = std::ranges::count(chosen, status) > 0;
    std::vector<std::string> words;
    for (const auto each : {delivered, parked, failed, discarded})
      if ((each == status) != (std::ranges::count(chosen, each) > 0))
        words.push_back(to_string(each));
    add_tab(out, url_with_statuses(x, words), is_on, status_mark(status),
            counted_status(x, status));
  }
  out.add("</div>\n");
}

// -- rows ---------------------------------------------------------------------

void add_fact(html& out, markup name, const std::optional<std::string>& value) {
  if (value)
    out.add("<dt>").add(name).add("<dd>").text(*value);
}

void add_opened(html& out, const tracking_status_snapshot& row,
                const answer_context& c) {
  const auto history = c.store.get_history(
    {.id = row.id, .deadline = std::nullopt}, limits::max_answer_bytes);
  const auto call
    = c.store.get_call({.id = row.id, .deadline = std::nullopt}).call;
  out
    .add("<tr role=row class=detail><td role=cell colspan=8><div "
         "class=two><div>\n")
    .add(history_table(history, call, c, steps_in_row))
    .add("</div><div><dl class=facts>");
  add_fact(out, "kind", row.kind);
  add_fact(out, "target", row.target_summary);
  add_fact(out, "instance", row.source_instance_id);
  add_fact(out, "script", row.source_script);
  add_fact(out, "node", row.source_node);
  out.add("<dt>took<dd>").text(effort_text(row, c.now));
  out.add("<dt>id<dd><code>").text(to_string(row.id)).add("</code></dl>\n");
  out.add("<p class=acts><a href=\"operations/")
    .text(to_string(row.id))
    .add("\">Open →</a></p></div></div>\n");
}

void add_row(html& out, const operations_view& x,
             const tracking_status_snapshot& row, const answer_context& c) {
  const auto id = to_string(row.id);
  const auto is_open = x.query.open == id;
  out.add("<tr role=row id=\"").text(id).add("\" data-id=\"").text(id);
  out.add("\"").add(is_open ? html{}.add(" class=open") : html{});
  out.add("><td role=cell class=p1>").add(row_choice(c, row.id));
  out.add(status_mark(row.status));
  out.add("<td role=cell class=p2><a class=id title=\"").text(id);
  out.add("\" aria-expanded=")
    .add(is_open ? html{}.add("true") : html{}.add("false"));
  out.add(" href=\"")
    .text(url_with_open(x, is_open ? std::nullopt : std::optional{id}))
    .add("#")
    .text(id)
    .add("\">");
  out.add(short_id(row.id)).add("</a><td role=cell class=p4>");
  out.add(cut_text(row.last_error)).add("<td role=cell class=\"num wide\">");
  if (row.http_status)
    out.text(std::to_string(*row.http_status));
  out.add("<td role=cell class=\"num wider\">").add(figure(row.retry_count));
  out.add("<td role=cell class=\"soft wider\">").add(cut_text(row.kind));
  out.add("<td role=cell class=p5>").add(cut_text(row.target_summary));
  out.add("<td role=cell class=\"num p3\">")
    .add(age_mark(row.terminal_at ? *row.terminal_at : row.created_at, c))
    .add("\n");
  if (is_open)
    add_opened(out, row, c);
}

void add_rows(html& out, const operations_view& x, const answer_context& c) {
  out.add("<table class=\"rows list\" role=table><thead role=rowgroup><tr "
          "role=row><th role=columnheader class=w-status>status<th "
          "role=columnheader class=w-id>id<th role=columnheader>error<th "
          "role=columnheader class=\"num w-short wide\">HTTP<th "
          "role=columnheader class=\"num w-short wider\">retries<th "
          "role=columnheader class=\"w-kind wider\">kind<th role=columnheader "
          "class=w-target>target<th role=columnheader class=\"num w-age\">age"
          "<tbody role=rowgroup>\n");
  for (const auto& row : x.rows)
    add_row(out, x, row, c);
  out.add("</table>\n");
}

void add_nothing(html& out, const operations_view& x) {
  out.add("<p class=empty>");
  if (x.counts.counts.empty())
    out.add("No operations yet: a service that runs on this file records them. "
            "<code>scripts/run.sh</code> of waybill's sources makes a store "
            "with some.");
  else if (x.is_cut)
    out.add("Nothing found so far; there is more to be searched.");
  else
    out.add("No operation matches. <a href=operations>Show all</a>");
  out.add("</p>\n");
}

void add_ways_on(html& out, const operations_view& x) {
  out.add("<nav class=ways aria-label=\"Pages of the list\">");
  if (x.query.after)
    out.add("<a href=\"")
      .text(list_url(to_parameters(x.query.filter)))
      .add("\">⇤ Newest</a> ");
  if (x.newer)
    out.add("<a rel=prev href=\"")
      .text(url_of_page(x, *x.newer, true))
      .add("\">← ")
      .add(x.is_cut && x.query.back ? html{}.add("Search on")
                                    : html{}.add("Newer"))
      .add("</a> ");
  if (x.is_cut)
    out.add("<span class=soft>searched for 200 ms, not to the end</span> ");
  if (x.older) {
    out.add("<a rel=next href=\"").text(url_of_page(x, *x.older, false));
    out.add("\">").add(x.is_cut && !x.query.back ? html{}.add("Search on")
                                                 : html{}.add("Older"));
    out.add(" →</a>");
  }
  out.add("</nav>\n");
}

bool has_row(const operations_view& x, const std::string& id) {
  return std::ranges::any_of(x.rows, [&](const auto& each) {
    return to_string(each.id) == id;
  });
}

http_response see_other(const std::string& where) {
  http_response x;
  x.status = 303;
  x.headers.emplace_back("Location", where);
  return x;
}

} // namespace

http_response operations_page(const answer_context& c) {
  const auto x = look(c);
  if (const auto& id = x.query.open; id && !has_row(x, *id))
    return see_other("operations/" + percent_encoded(*id));
  page_parts page;
  page.current = menu_entry::operations;
  add_heading(page, x);
  add_tabs(page.content, x);
  page.content.add(
    filter_form("operations", x.query.filter,
                {"kind", "target", "node", "since", "finished-since", "http",
                 "min-retries", "error"}));
  if (x.rows.empty())
    add_nothing(page.content, x);
  else
    add_rows(page.content.add(list_acts(c, x.query, x.request.filter)), x, c);
  add_ways_on(page.content, x);
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
