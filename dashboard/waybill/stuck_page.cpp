// Operations in flight that nobody has touched for long, and why they wait.
#include <chrono>
#include <map>

#include "waybill/duration_text.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds stuck_search_time{200};
constexpr std::int32_t stuck_rows = 50;
constexpr const char* usual_age = "1h";

struct stuck_view {
  std::string age = usual_age;
  std::optional<resume_point> after;
  timestamp moment;
  list_reply found;
  std::vector<call_reply> calls;
  std::map<std::string, target_snapshot> targets;
};

std::chrono::microseconds read_age(const std::string& text) {
  const auto age = parse_duration(text);
  if (!age)
    throw query_error{"for must be a duration like 10min, 2h or 1d"};
  return *age;
}

stuck_view find_stuck(const answer_context& c) {
  stuck_view x;
  for (const auto& [name, value] : c.asked.query) {
    if (value.empty())
      continue;
    if (name == "for")
      x.age = value;
    else if (name == "cursor" && (x.after = parse_resume_point(value)))
      continue;
    else
      throw query_error{"this page takes for, and the cursor that it gives"};
  }
  x.moment = x.after ? x.after->moment : c.now;
  auto request = stuck_operations(x.moment, read_age(x.age));
  request.page_size = stuck_rows;
  if (x.after)
    request.cursor = x.after->cursor;
  x.found = c.store.list(request, stuck_search_time);
  std::vector<tracked_operation_id> ids;
  for (const auto& each : x.found.operations)
    ids.push_back(each.id);
  x.calls = c.store.get_calls(ids);
  for (auto& each :
       c.store.list_targets({.deadline = std::nullopt}, c.now).targets)
    x.targets.emplace(each.name, each);
  return x;
}

std::string stuck_url(const std::string& age,
                      const std::optional<std::string>& cursor = {}) {
  parameters all{{"for", age}};
  if (cursor)
    all.emplace_back("cursor", *cursor);
  return "stuck?" + to_query(all);
}

// Why a call has not been delivered yet; empty if that is not known.
html reason_of(const stuck_view& x, const std::optional<call_snapshot>& call,
               const answer_context& c) {
  html out;
  if (!call)
    return out;
  const auto target = x.targets.find(call->target);
  if (target != x.targets.end() && target->second.paused_since)
    out.text(call->target)
      .add(" is paused: ")
      .text(target->second.pause_reason.value_or(""));
  else if (call->state == call_state::begun)
    out.add("attempt ").number(call->attempt).add(" has begun");
  else if (call->due && *call->due > c.now)
    out.add("attempt ")
      .number(call->attempt)
      .add(" is due ")
      .add(age_mark(call->due, c));
  else
    out.add("attempt ").number(call->attempt).add(" is due now");
  return out;
}

void add_stuck_row(html& out, const stuck_view& x, const call_reply& row,
                   const answer_context& c) {
  const auto& is = *row.snapshot;
  out.add("<tr role=row data-id=\"").text(to_string(is.id));
  out.add("\"><td role=cell class=p1>").add(status_mark(is.status));
  out.add("<td role=cell class=p2><a class=id title=\"")
    .text(to_string(is.id))
    .add("\" href=\"operations/")
    .text(to_string(is.id))
    .add("\">")
    .add(short_id(is.id))
    .add("</a><td role=cell class=p4>");
  const auto why = reason_of(x, row.call, c);
  out.add(why);
  if (!why.empty() && is.last_error)
    out.add(" <span class=soft>· ").text(*is.last_error).add("</span>");
  else
    out.add(cut_text(is.last_error));
  out.add("<td role=cell class=\"num wider\">").add(figure(is.retry_count));
  out.add("<td role=cell class=\"soft wider\">").add(cut_text(is.kind));
  out.add("<td role=cell class=p5>").add(cut_text(is.target_summary));
  out.add("<td role=cell class=\"num wide\">").add(age_mark(is.updated_at, c));
  out.add("<td role=cell class=\"num p3\">").add(age_mark(is.created_at, c));
  out.add("\n");
}

void add_stuck_rows(html& out, const stuck_view& x, const answer_context& c) {
  out.add("<table class=\"rows list\" role=table><thead role=rowgroup><tr "
          "role=row><th role=columnheader class=w-status>status<th "
          "role=columnheader class=w-id>id<th role=columnheader>why it waits, "
          "last error<th role=columnheader class=\"num w-short wider\">retries"
          "<th role=columnheader class=\"w-kind wider\">kind<th "
          "role=columnheader class=w-target>target<th role=columnheader "
          "class=\"num w-age wide\">idle<th role=columnheader class=\"num "
          "w-age\">age<tbody role=rowgroup>\n");
  for (const auto& each : x.calls)
    if (each.snapshot)
      add_stuck_row(out, x, each, c);
  out.add("</table>\n");
}

void add_ages(html& out, const stuck_view& x) {
  out.add("<div class=tabs>\n");
  for (const auto* age : {"10min", "30min", "1h", "6h", "1d"}) {
    out.add("<a href=\"").text(stuck_url(age)).add("\"");
    if (x.age == age)
      out.add(" aria-current=true");
    out.add(">").text(age).add("</a>\n");
  }
  out
    .add("</div>\n<form class=filters action=stuck><label class=small>Not "
         "touched for <input name=for value=\"")
    .text(x.age)
    .add("\"></label><button>Show</button></form>\n");
}

void add_stuck_answer(page_parts& page, const stuck_view& x) {
  const auto count = std::ssize(x.found.operations);
  const auto is_full = count == stuck_rows;
  if (count == 0 && x.found.next_cursor)
    page.heading.add("Nothing stuck so far");
  else if (count == 0)
    page.heading.add(x.after ? html{}.add("Nothing else is stuck")
                             : html{}.add("Nothing is stuck"));
  else
    page.heading
      .add(x.found.next_cursor && is_full && !x.after ? html{}.add("More than ")
                                                      : html{})
      .text(counted(count, "operation has", "operations have"))
      .add(" not moved for ")
      .text(x.age)
      .add(x.found.next_cursor && !is_full ? html{}.add(" so far") : html{});
  page.lead.add("<p>In flight, the oldest first. ")
    .add(command_line(x.age == usual_age ? std::string{"stuck"}
                                         : "stuck --for " + shell_word(x.age)))
    .add("</p>");
}

} // namespace

http_response stuck_page(const answer_context& c) {
  const auto x = find_stuck(c);
  page_parts page;
  page.title = "Stuck";
  page.current = menu_entry::stuck;
  page.renews_itself = !x.after;
  add_stuck_answer(page, x);
  add_ages(page.content, x);
  if (!x.found.operations.empty())
    add_stuck_rows(page.content, x, c);
  else
    page.content.add("<p class=empty>")
      .add(x.found.next_cursor
             ? html{}.add("There is more to be searched.")
             : html{}.add("All operations in flight have moved. What is in "
                          "flight is in <a href=\"operations?status=in-flight"
                          "\">Operations</a>."))
      .add("</p>\n");
  page.content.add("<nav class=ways aria-label=\"Pages of the list\">");
  if (x.after)
    page.content.add("<a href=\"")
      .text(stuck_url(x.age))
      .add("\">⇤ First</a> ");
  if (x.found.next_cursor)
    page.content.add("<a rel=next href=\"")
      .text(stuck_url(x.age,
                      to_string(resume_point{x.moment, *x.found.next_cursor})))
      .add("\">Later ones →</a>");
  page.content.add("</nav>\n");
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
