#include "waybill/hour_charts.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string_view>

#include "waybill/chart.hpp"
#include "waybill/page_frame.hpp"

namespace waybill::dashboard {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

timestamp minute_begin(timestamp t) {
  const auto minute = microseconds{1min}.count();
  return timestamp{t.us() - ((t.us() % minute) + minute) % minute};
}

timestamp first_minute(timestamp now) {
  return minute_begin(now) - (minutes_shown - 1) * 1min;
}

std::int64_t sum_of(const std::vector<std::int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0},
                         [](std::int64_t sum, std::int64_t each) {
                           return sum + std::max<std::int64_t>(each, 0);
                         });
}

std::string clock_text(timestamp t, const answer_context& c) {
  constexpr std::size_t day = std::string_view{"2026-11-23 "}.size();
  return time_text(t, c.about.where).substr(day, 5);
}

// Totals may come late.
std::int64_t in_flight_in(const counts_reply& counts) {
  std::int64_t sum = 0;
  for (const auto& each : counts.counts)
    if (!is_terminal(each.status))
      sum += each.operations;
  return sum;
}

void add_chart(html& out, markup title, const html& last, chart x,
               const answer_context& c) {
  x.begin = clock_text(first_minute(c.now), c);
  x.begin_time = to_string(first_minute(c.now));
  x.end = "now";
  out.add("<section><div class=head><h2>")
    .add(title)
    .add("</h2><span>")
    .add(last)
    .add("</span></div>\n")
    .add(svg_of(x))
    .add("</section>\n");
}

void add_in_flight_chart(html& out, std::span<const minute_total> totals,
                         const answer_context& c) {
  auto values = by_minute(totals, &minute_total::in_flight, c.now);
  values.back() = in_flight_in(c.store.get_counts(c.now));
  chart x;
  x.all.push_back({.style = "plain", .values = values, .is_line = true});
  const auto most = *std::ranges::max_element(values);
  x.words = "In flight by the minute: " + grouped(values.back())
            + " at last, at most " + grouped(most);
  add_chart(out, "In flight", html{}.number(values.back()), std::move(x), c);
}

void add_flow_chart(html& out, std::span<const minute_total> totals,
                    const answer_context& c) {
  auto taken = by_minute(totals, &minute_total::taken, c.now);
  auto delivered = by_minute(totals, &minute_total::delivered, c.now);
  html last;
  last.add("<span class=soft>taken</span> ")
    .number(sum_of(taken))
    .add(" <span class=soft>delivered</span> ")
    .number(sum_of(delivered));
  chart x;
  x.words = "Taken and delivered by the minute: " + grouped(sum_of(taken))
            + " taken in the hour, " + grouped(sum_of(delivered))
            + " delivered";
  // The minute that is not over says nothing yet.
  taken.back() = delivered.back() = -1;
  x.all.push_back(
    {.style = "faint", .values = std::move(taken), .is_line = true});
  x.all.push_back(
    {.style = "plain", .values = std::move(delivered), .is_line = true});
  add_chart(out, "Taken, <b>delivered</b>", last, std::move(x), c);
}

void add_retry_chart(html& out, std::span<const minute_total> totals,
                     const answer_context& c) {
  auto retries = by_minute(totals, &minute_total::retries, c.now);
  const auto sum = sum_of(retries);
  chart x;
  x.words = "Retries by the minute: " + grouped(sum) + " in the hour";
  x.all.push_back({.style = "faint", .values = std::move(retries)});
  add_chart(out, "Retries", html{}.number(sum), std::move(x), c);
}

void add_refusal_chart(html& out, std::span<const minute_total> totals,
                       const answer_context& c) {
  auto parked = by_minute(totals, &minute_total::parked, c.now);
  auto failed = by_minute(totals, &minute_total::failed, c.now);
  html last;
  last.add(state_mark("parked", grouped(sum_of(parked))))
    .add(" ")
    .add(state_mark("failed", grouped(sum_of(failed))));
  chart x;
  x.words = "Parked and failed by the minute: " + grouped(sum_of(parked))
            + " parked in the hour, " + grouped(sum_of(failed)) + " failed";
  x.all.push_back({.style = "held", .values = std::move(parked)});
  x.all.push_back({.style = "bad", .values = std::move(failed)});
  add_chart(out, "Parked, failed", last, std::move(x), c);
}

} // namespace

std::vector<std::int64_t> by_minute(std::span<const minute_total> totals,
                                    std::int64_t minute_total::*figure,
                                    timestamp now) {
  const auto is_flow = figure != &minute_total::in_flight;
  std::vector<std::int64_t> values;
  auto next = totals.begin();
  std::int64_t last = -1;
  auto minute = first_minute(now);
  for (; next != totals.end() && next->begin < minute; ++next)
    last = is_flow ? 0 : (*next).*figure;
  for (std::size_t i = 0; i < minutes_shown; ++i, minute = minute + 1min) {
    auto value = last;
    for (; next != totals.end() && next->begin <= minute; ++next) {
      value = (*next).*figure;
      last = is_flow ? 0 : value;
    }
    values.push_back(value);
  }
  return values;
}

html hour_charts(const answer_context& c) {
  html out;
  // Those before the hour tell how it began.
  const auto totals = c.store.minute_totals(c.now - 24h);
  if (totals.empty() || totals.back().begin < first_minute(c.now))
    return out;
  out.add("<div class=charts>\n");
  add_in_flight_chart(out, totals, c);
  add_flow_chart(out, totals, c);
  add_retry_chart(out, totals, c);
  add_refusal_chart(out, totals, c);
  out.add("</div>\n");
  return out;
}

} // namespace waybill::dashboard
