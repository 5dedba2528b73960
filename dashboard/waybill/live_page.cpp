// The last steps of all operations; with the script, the next ones as they are
// committed.
#include <algorithm>

#include "waybill/filter_text.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"
#include "waybill/watch_query.hpp"

namespace waybill::dashboard {

namespace {

constexpr std::int64_t steps_looked_at = 200;
constexpr std::size_t steps_shown = 50;
constexpr std::chrono::milliseconds live_search_time{50};

struct live_view {
  watch_query query;
  watch_reply found;
  std::int64_t last = 0;
};

live_view find_steps(const answer_context& c) {
  live_view x;
  x.query = parse_watch_query(c.asked.query, watch_use::page);
  const auto last = c.store.last_transition_number();
  auto request = x.query.request;
  request.after
    = std::to_string(std::max<std::int64_t>(0, last - steps_looked_at));
  request.page_size = static_cast<std::int32_t>(steps_looked_at);
  x.found = c.store.read_transitions(request, live_search_time);
  // More may have been committed meanwhile, or less been read.
  x.last = number_in(x.found.next);
  if (x.found.transitions.size() > steps_shown)
    x.found.transitions.erase(x.found.transitions.begin(),
                              x.found.transitions.end()
                                - static_cast<std::ptrdiff_t>(steps_shown));
  return x;
}

std::string live_url(const watch_query& x) {
  parameters all;
  for (const auto& each : x.statuses)
    all.emplace_back("status", each);
  for (const auto& each : x.request.kinds)
    all.emplace_back("kind", each);
  return all.empty() ? "live" : "live?" + to_query(all);
}

std::string watch_options_of(const watch_query& x) {
  std::string text;
  std::string statuses;
  for (const auto& each : x.statuses)
    statuses += (statuses.empty() ? "" : ",") + each;
  if (!statuses.empty())
    text += " --status " + shell_word(statuses);
  for (const auto& each : x.request.kinds)
    text += " --kind " + shell_word(each);
  return text;
}

void add_live_row(html& out, const transition& x, const answer_context& c) {
  constexpr std::size_t day = std::string_view{"2026-11-23 "}.size();
  constexpr std::size_t clock = std::string_view{"09:14:10.002"}.size();
  const auto full = time_text(x.at, c.about.where, precision::milliseconds);
  out.add("<tr role=row><td role=cell class=p3><time datetime=\"")
    .text(to_string(x.at))
    .add("\" title=\"")
    .text(full);
  out.add("\">").text(full.substr(day, clock)).add("</time>");
  out.add("<td role=cell class=p1>").add(status_mark(x.status));
  out.add("<td role=cell class=p2><a class=id title=\"").text(to_string(x.id));
  out.add("\" href=\"operations/").text(to_string(x.id)).add("\">");
  out.add(short_id(x.id)).add("</a><td role=cell class=p4>");
  out.add(cut_text(x.last_error));
  out.add("<td role=cell class=\"num wide\">");
  if (x.http_status)
    out.text(std::to_string(*x.http_status));
  out.add("<td role=cell class=\"num wide\">").add(figure(x.retry_count));
  out.add("<td role=cell class=\"soft p5\">").add(cut_text(x.kind)).add("\n");
}

void add_live_rows(html& out, const live_view& x, const answer_context& c) {
  out.add("<table class=\"rows live\" role=table data-live=\"")
    .text(x.found.next)
    .add("\" data-last=\"")
    .text(std::to_string(x.last))
    .add("\"><thead role=rowgroup><tr role=row><th role=columnheader "
         "class=w-time>time<th role=columnheader class=w-step>status<th "
         "role=columnheader class=w-id>id<th role=columnheader>error<th "
         "role=columnheader class=\"num w-short wide\">HTTP<th "
         "role=columnheader class=\"num w-short wide\">retries<th "
         "role=columnheader class=w-target>kind<tbody role=rowgroup>\n");
  const auto& steps = x.found.transitions;
  for (auto each = steps.rbegin(); each != steps.rend(); ++each)
    add_live_row(out, *each, c);
  if (x.found.gap && steps.size() < steps_shown)
    out.add("<tr role=row class=gap><td role=cell colspan=7 class=\"soft p4\">"
            "earlier steps are not kept\n");
  out.add("</table>\n");
  if (steps.empty())
    out
      .add("<p class=empty data-empty>No step yet of what was asked for. What "
           "is committed from now on appears here; without JavaScript, <a "
           "href=\"")
      .text(live_url(x.query))
      .add("\">look again</a>.</p>\n");
}

void add_live_choices(html& out, const live_view& x) {
  using enum tracking_status;
  const auto& chosen = x.query.request.statuses;
  out.add("<div class=tabs>\n<a href=\"");
  auto to = x.query;
  to.statuses.clear();
  out.text(live_url(to)).add("\"");
  out.add(x.query.statuses.empty() ? html{}.add(" aria-current=true") : html{});
  out.add(">All</a>\n");
  for (const auto status :
       {submitted, retrying, delivered, parked, failed, discarded}) {
    const auto is_on = std::ranges::count(chosen, status) > 0;
    to.statuses.clear();
    for (int i = 0; i < num_tracking_statuses; ++i)
      if (const auto each = static_cast<tracking_status>(i);
          (each == status) != (std::ranges::count(chosen, each) > 0))
        to.statuses.push_back(to_string(each));
    out.add("<a href=\"").text(live_url(to)).add("\"");
    out.add(is_on ? html{}.add(" aria-current=true") : html{});
    out.add(">").add(status_mark(status)).add("</a>\n");
  }
  out.add("</div>\n");
}

} // namespace

http_response live_page(const answer_context& c) {
  const auto x = find_steps(c);
  page_parts page;
  page.title = "Live";
  page.current = menu_entry::live;
  if (x.last == 0)
    page.heading.add("No steps yet");
  else
    page.heading.add("The last steps")
      .add(x.query.statuses.empty() && x.query.request.kinds.empty()
             ? html{}
             : html{}.add(" that were asked for"));
  page.lead.add("<p>Each step once it is committed, the newest first. ")
    .add(command_line("watch" + watch_options_of(x.query)))
    .add("</p>");
  page.acts.add("<span data-live-acts></span>");
  add_live_choices(page.content, x);
  add_live_rows(page.content, x, c);
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
