// Why operations were parked or failed, in groups.
#include <algorithm>
#include <array>
#include <chrono>

#include "waybill/error_list.hpp"
#include "waybill/filter_form.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

namespace {

constexpr std::chrono::milliseconds errors_search_time{200};

struct errors_view {
  list_query query;
  errors_reply found;
  /// What times in the filter count back from.
  timestamp moment;
};

errors_view find_errors(const answer_context& c) {
  errors_view x;
  x.query = parse_list_query(c.asked.query, list_use::errors);
  x.moment = x.query.after ? x.query.after->moment : c.now;
  x.found = c.store.list_errors(
    to_errors_request(x.query, c.now, c.about.where), errors_search_time);
  return x;
}

std::string errors_url(const list_query& x,
                       const std::optional<std::string>& cursor = {}) {
  auto all = to_parameters(x.filter);
  if (x.by != error_grouping::error)
    all.emplace_back("group-by", to_string(x.by));
  if (cursor)
    all.emplace_back("cursor", *cursor);
  return all.empty() ? "errors" : "errors?" + to_query(all);
}

// `parked and failed operations`, or whatever was asked for.
std::string asked_for(const list_query& x, bool is_one) {
  const auto statuses = parse_statuses(x.filter.statuses);
  std::string text;
  for (const auto status :
       statuses.empty()
         ? std::vector{tracking_status::parked, tracking_status::failed}
         : statuses) {
    auto word = to_string(status);
    word.front() = static_cast<char>(word.front() | 0x20);
    text += (text.empty() ? "" : " or ") + word;
  }
  return text + (is_one ? " operation" : " operations");
}

void add_errors_heading(page_parts& page, const errors_view& x) {
  const auto groups = std::ssize(x.found.groups);
  const auto operations = x.found.operations;
  const auto what = asked_for(x.query, operations == 1);
  const auto noun = x.query.by == error_grouping::target ? "target" : "cause";
  page.title = "Errors";
  if (operations == 0 && x.found.next_cursor)
    page.heading.add("No match so far among ").text(asked_for(x.query, false));
  else if (operations == 0)
    page.heading.add("No ").text(asked_for(x.query, false));
  else
    page.heading.text(counted(groups, noun, std::string{noun} + 's'))
      .add(groups == 1 ? html{}.add(" explains ") : html{}.add(" explain "))
      .number(operations)
      .add(" ")
      .text(what);
  page.lead.add("<p>");
  if (x.found.next_cursor)
    page.lead.add("Not searched to the end. ");
  page.lead.add(command_line(
    "errors" + to_options(x.query.filter)
    + (x.query.by == error_grouping::target ? " --group-by target" : "")));
  page.lead.add("</p>");
}

void add_choice(html& out, const list_query& to, bool is_on, const html& name) {
  out.add("<a href=\"").text(errors_url(to)).add("\"");
  if (is_on)
    out.add(" aria-current=true");
  out.add(">").add(name).add("</a>\n");
}

// By what, since when, in which statuses.
void add_choices(html& out, const errors_view& x) {
  out.add("<div class=tabs>\n");
  auto to = x.query;
  to.by = error_grouping::error;
  add_choice(out, to, x.query.by == to.by, html{}.add("By error"));
  to.by = error_grouping::target;
  add_choice(out, to, x.query.by == to.by, html{}.add("By target"));
  out.add("<span class=soft>·</span>\n");
  to = x.query;
  for (const auto* since : {"1h", "24h", "7d"}) {
    to.filter.finished_since = since;
    add_choice(out, to, x.query.filter.finished_since == since,
               html{}.text(since));
  }
  to.filter.finished_since.reset();
  add_choice(out, to, !x.query.filter.finished_since, html{}.add("All"));
  out.add("<span class=soft>·</span>\n");
  to = x.query;
  const auto chosen = parse_statuses(x.query.filter.statuses);
  using enum tracking_status;
  for (const auto status : {parked, failed}) {
    const auto is_only = chosen == std::vector{status};
    to.filter.statuses.clear();
    if (!is_only)
      to.filter.statuses.push_back(to_string(status));
    add_choice(out, to, is_only || chosen.empty(), status_mark(status));
  }
  out.add("</div>\n");
}

void add_no_errors(html& out, const errors_view& x) {
  out.add("<p class=empty>");
  if (x.found.next_cursor)
    out.add("Nothing found so far; there is more to be searched.");
  else if (x.query.filter == filter_arguments{})
    out.add("Nothing is parked or failed. What goes wrong will be here, with "
            "how often and since when.");
  else
    out.add("Nothing that fits is parked or failed. <a href=errors>Show "
            "all</a>");
  out.add("</p>\n");
}

void add_end(html& out, const errors_view& x, const answer_context& c) {
  const auto& found = x.found;
  out.add("<nav class=ways aria-label=\"Search\">");
  if (x.query.after)
    out.add("<a href=\"").text(errors_url(x.query)).add("\">⇤ Newest</a> ");
  out.add("<span class=soft>");
  if (found.next_cursor && found.searched_to)
    out.add("Searched back to ")
      .add(time_mark(*found.searched_to, c))
      .add(", ")
      .text(counted(found.searched, "operation", "operations"))
      .add("; then the time was over.");
  else
    out.add("All that ")
      .add(x.query.after ? html{}.add("is older") : html{}.add("there is"))
      .add(" was looked at.");
  if (found.other_operations > 0)
    out.add(" ")
      .text(counted(found.other_operations, "operation is", "operations are"))
      .add(" in groups that are not shown.");
  out.add("</span>");
  if (found.next_cursor)
    out.add(" <a rel=next href=\"")
      .text(errors_url(x.query,
                       to_string(resume_point{x.moment, *found.next_cursor})))
      .add("\">Search on in what is older →</a>");
  out.add("</nav>\n");
}

} // namespace

http_response errors_page(const answer_context& c) {
  const auto x = find_errors(c);
  page_parts page;
  page.current = menu_entry::errors;
  add_errors_heading(page, x);
  add_choices(page.content, x);
  page.content.add(
    filter_form("errors", x.query.filter,
                {"kind", "target", "node", "http", "min-retries", "error"}));
  if (x.found.groups.empty())
    add_no_errors(page.content, x);
  else
    page.content.add(error_table(x.found.groups, x.query.filter, c));
  add_end(page.content, x, c);
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
