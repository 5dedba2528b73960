// The first page: whether all is well, how much there is, what to look at.
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <span>

#include "waybill/error_list.hpp"
#include "waybill/hour_charts.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"
#include "waybill/queries.hpp"

namespace waybill::dashboard {

namespace {

using namespace std::chrono_literals;
using totals = std::array<std::int64_t, num_tracking_statuses>;

constexpr std::int32_t overview_rows = 8;
constexpr auto overview_search_time = 30ms;
constexpr auto stuck_after = 1h;
constexpr auto refused_within = 7 * 24h;

struct overview_facts {
  counts_reply counts;
  totals by_status{};
  std::int64_t all = 0;
  store_size size;
  targets_reply targets;
  errors_reply refused;
  list_reply stuck;

  [[nodiscard]] std::int64_t of(tracking_status x) const {
    return by_status.at(static_cast<std::size_t>(x));
  }
  [[nodiscard]] std::int64_t in_flight() const {
    return of(tracking_status::submitted) + of(tracking_status::retrying);
  }
};

overview_facts facts_of(const answer_context& c) {
  overview_facts x;
  x.counts = c.store.get_counts(c.now);
  for (const auto& each : x.counts.counts) {
    x.by_status.at(static_cast<std::size_t>(each.status)) += each.operations;
    x.all += each.operations;
  }
  x.size = c.store.size();
  x.targets = c.store.list_targets({.deadline = std::nullopt}, c.now);
  list_errors refused;
  refused.filter.terminal_from = c.now - refused_within;
  x.refused = c.store.list_errors(refused, overview_search_time);
  auto stuck = stuck_operations(c.now, stuck_after);
  stuck.page_size = overview_rows;
  x.stuck = c.store.list(stuck, overview_search_time);
  return x;
}

// -- the answer ---------------------------------------------------------------

std::optional<std::string> troubled_target(const targets_reply& x) {
  const auto* const worst = worst_of(x);
  return worst != nullptr
           ? std::optional{worst->name + " " + trouble_of(*worst).value_or("")}
           : std::nullopt;
}

void add_answer(page_parts& page, const overview_facts& x,
                const answer_context& c) {
  const auto flying = x.in_flight() == 0
                        ? "nothing is in flight"
                        : counted(x.in_flight(), "operation is in flight",
                                  "operations are in flight");
  const auto trouble = troubled_target(x.targets);
  if (x.all == 0) {
    page.title = "No operations yet";
    page.heading.text("No operations yet");
  } else if (c.service && c.service->health.state != health_state::ok) {
    const auto& health = c.service->health;
    const auto is_failed = health.state == health_state::failed;
    page.title = is_failed ? "Failed" : "Degraded";
    page.heading.add(state_mark(to_string(health.state), page.title));
    page.heading.add(": ").text(health.reason);
  } else if (trouble) {
    page.title = "Degraded";
    page.heading.add(state_mark("degraded", *trouble));
  } else if (c.service) {
    page.title = "Healthy";
    page.heading.add("Healthy: ").text(flying);
  } else {
    page.title = "At rest";
    page.heading.add(state_mark("rest", "At rest")).add(": ").text(flying);
  }
  page.lead.add("<p>");
  if (x.all == 0) {
    page.lead.add("A service that runs on this file records them, and they are "
                  "shown here; <code>scripts/run.sh</code> of waybill's "
                  "sources makes a store with some.");
  } else {
    if (x.counts.oldest_in_flight)
      page.lead.add("The oldest was recorded ")
        .add(ago_mark(*x.counts.oldest_in_flight, c))
        .add(". ");
    if (x.of(tracking_status::parked) > 0)
      page.lead
        .text(counted(x.of(tracking_status::parked), "is parked, ",
                      "are parked, the first "))
        .add("for ")
        .add(age_mark(x.counts.oldest_parked, c))
        .add(". ");
    if (!c.service)
      page.lead.add("No service runs on the file. ");
  }
  page.lead.add(command_line(c.service ? "health" : "stats")).add("</p>");
}

// -- figures ------------------------------------------------------------------

struct big_figure {
  html name;
  html value;
  html below;
};

std::string latency_text(const histogram& x, double q) {
  const auto us = x.quantile(q);
  return us ? "≤ " + duration_text(std::chrono::microseconds{*us}) : "·";
}

big_figure commit_figure(const overview_facts& x, const answer_context& c) {
  big_figure out;
  if (c.service && c.service->stats) {
    const auto& latency = c.service->stats->commit_latency;
    out.name.add("Commit, p50");
    out.value.text(latency_text(latency, 0.5));
    out.below.add("p99 ").text(latency_text(latency, 0.99));
  } else {
    out.name.add("File");
    out.value.text(size_text(x.size.file_bytes));
    out.below.text(size_text(x.size.free_bytes)).add(" of it unused");
  }
  return out;
}

big_figure waiting_figure(const overview_facts& x, const answer_context& c) {
  big_figure out;
  if (c.service && c.service->stats) {
    out.name.add("Waiting requests");
    out.value.number(c.service->health.waiting_requests);
    out.below.text(size_text(c.service->health.waiting_bytes));
  } else {
    out.name.add("Write-ahead log");
    out.value.text(size_text(x.size.log_bytes));
  }
  return out;
}

std::array<big_figure, 6> figures_of(const overview_facts& x,
                                     const answer_context& c) {
  std::array<big_figure, 6> all;
  all[0].name.add("In flight");
  all[0].value.number(x.in_flight());
  if (x.counts.oldest_in_flight)
    all[0].below.add("oldest ").add(age_mark(x.counts.oldest_in_flight, c));
  all[1].name.add("Delivered");
  all[1].value.number(x.of(tracking_status::delivered));
  all[1].below.add("of ").number(x.all).add(" kept");
  all[2].name.add(status_mark(tracking_status::parked));
  all[2].value.number(x.of(tracking_status::parked));
  if (x.counts.oldest_parked)
    all[2].below.add("oldest ").add(age_mark(x.counts.oldest_parked, c));
  all[3].name.add(status_mark(tracking_status::failed));
  all[3].value.number(x.of(tracking_status::failed));
  if (x.of(tracking_status::discarded) > 0)
    all[3].below.number(x.of(tracking_status::discarded)).add(" discarded");
  all[4] = commit_figure(x, c);
  all[5] = waiting_figure(x, c);
  return all;
}

void add_figures(html& out, const overview_facts& x, const answer_context& c) {
  out.add("<dl class=figures>\n");
  for (const auto& each : figures_of(x, c)) {
    out.add("<div><dt>").add(each.name).add("<dd>").add(each.value);
    out.add("<dd>").add(each.below).add("</div>\n");
  }
  out.add("</dl>\n");
}

// -- sections -----------------------------------------------------------------

// Rows that lead to their operations.
void add_short_list(html& out,
                    const std::vector<tracking_status_snapshot>& rows,
                    markup time_title, const answer_context& c) {
  out
    .add("<table class=rows role=table><thead role=rowgroup><tr role=row>"
         "<th role=columnheader class=w-status>status<th role=columnheader "
         "class=w-id>id<th role=columnheader>error<th role=columnheader "
         "class=\"w-target wide\">target<th role=columnheader "
         "class=\"num w-age\">")
    .add(time_title)
    .add("<tbody role=rowgroup>\n");
  for (const auto& each : rows) {
    out.add("<tr role=row><td role=cell class=p1>")
      .add(status_mark(each.status))
      .add("<td role=cell class=p2><a class=id href=\"operations/")
      .text(to_string(each.id))
      .add("\" title=\"")
      .text(to_string(each.id))
      .add("\">")
      .add(short_id(each.id))
      .add("</a><td role=cell class=p4>")
      .add(cut_text(each.last_error))
      .add("<td role=cell class=\"p5 wide\">")
      .add(cut_text(each.target_summary))
      .add("<td role=cell class=\"num p3\">")
      .add(age_mark(each.terminal_at ? *each.terminal_at : each.created_at, c))
      .add("\n");
  }
  out.add("</table>\n");
}

void add_refused(html& out, const overview_facts& x, const answer_context& c) {
  filter_arguments asked;
  asked.finished_since = "7d";
  out.add("<section><div class=head><h2>Why calls were parked or failed in 7 "
          "days</h2><a href=\"errors?finished-since=7d\">Errors →</a></div>\n");
  const std::span groups{x.refused.groups};
  if (groups.empty())
    out.add("<p class=empty>Nothing was parked or failed.</p>");
  else
    out.add(error_table(groups.first(
                          std::min<std::size_t>(groups.size(), overview_rows)),
                        asked, c, true));
  if (x.refused.next_cursor && x.refused.searched_to)
    out.add("<p class=empty>Searched back to ")
      .add(time_mark(*x.refused.searched_to, c))
      .add(" only.</p>");
  out.add("</section>\n");
}

void add_stuck(html& out, const overview_facts& x, const answer_context& c) {
  out.add("<section><div class=head><h2>Stuck: in flight and not touched for "
          "an hour</h2><a href=stuck>Stuck →</a></div>\n");
  const auto is_cut = x.stuck.next_cursor
                      && x.stuck.operations.size()
                           < static_cast<std::size_t>(overview_rows);
  if (!x.stuck.operations.empty())
    add_short_list(out, x.stuck.operations, "since", c);
  else if (!is_cut)
    out.add("<p class=empty>Nothing is stuck.</p>");
  if (is_cut)
    out.add("<p class=empty>Not searched to the end; all of them tells "
            "more.</p>");
  out.add("</section>\n");
}

void add_targets(html& out, const overview_facts& x, const answer_context& c) {
  out.add("<section><div class=head><h2>Targets</h2><a href=targets>Targets "
          "→</a></div>\n");
  if (x.targets.targets.empty()) {
    out.add("<p class=empty>No call has been kept for a target.</p></section>"
            "\n");
    return;
  }
  auto rows = x.targets.targets;
  std::ranges::stable_sort(rows, std::ranges::greater{},
                           &target_snapshot::calls);
  rows.resize(std::min<std::size_t>(rows.size(), overview_rows));
  out.add(
    "<table><thead><tr><th>target<th class=\"num w-age\">waiting"
    "<th class=\"num w-age\">parked<th class=\"num w-age\">oldest<tbody>\n");
  for (const auto& each : rows)
    out.add("<tr><td>")
      .add(each.paused_since  ? state_mark("paused", each.name)
           : trouble_of(each) ? state_mark("degraded", each.name)
                              : cut_text(each.name))
      .add("<td class=num>")
      .add(figure(each.calls))
      .add("<td class=num>")
      .add(figure(each.kept_calls))
      .add("<td class=num>")
      .add(age_mark(each.oldest, c))
      .add("\n");
  out.add("</table></section>\n");
}

void add_counts(html& out, const overview_facts& x) {
  std::map<std::string, totals> kinds;
  for (const auto& each : x.counts.counts)
    kinds[each.kind].at(static_cast<std::size_t>(each.status))
      += each.operations;
  constexpr std::size_t most_kinds = 3; // as many columns as there is room for
  const auto shown = kinds.size() <= most_kinds ? kinds.size() : 0;
  out
    .add("<section><div class=head><h2>By kind and status</h2><span "
         "class=soft>")
    .text(size_text(x.size.file_bytes))
    .add(", log ")
    .text(size_text(x.size.log_bytes))
    .add("</span></div>\n<table><thead><tr><th class=w-status>status");
  if (shown > 0)
    for (const auto& [kind, ignored] : kinds)
      out.add("<th class=num title=\"")
        .text(kind)
        .add("\">")
        .text(kind.substr(kind.rfind('.') + 1));
  out.add("<th class=num>all<tbody>\n");
  for (std::size_t i = 0; i < x.by_status.size(); ++i) {
    out.add("<tr><td>").add(status_mark(static_cast<tracking_status>(i)));
    if (shown > 0)
      for (const auto& [kind, counts] : kinds)
        out.add("<td class=num>").add(figure(counts.at(i)));
    out.add("<td class=num>").add(figure(x.by_status.at(i))).add("\n");
  }
  out.add("</table></section>\n");
}

} // namespace

http_response overview_page(const answer_context& c) {
  require_no_parameters(c);
  const auto x = facts_of(c);
  page_parts page;
  page.current = menu_entry::overview;
  page.renews_itself = true;
  add_answer(page, x, c);
  if (const auto trouble = troubled_target(x.targets))
    page.acts.add("<a href=targets>Look at the targets →</a>");
  add_figures(page.content, x, c);
  page.content.add(hour_charts(c));
  if (x.all > 0) {
    page.content.add("<div class=two><div>\n");
    add_refused(page.content, x, c);
    add_stuck(page.content, x, c);
    page.content.add("</div><div>\n");
    add_targets(page.content, x, c);
    add_counts(page.content, x);
    page.content.add("</div></div>\n");
  }
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
