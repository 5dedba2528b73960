#include "waybill/history_table.hpp"

#include <cstdint>
#include <string_view>

#include "waybill/page_frame.hpp"

namespace waybill::dashboard {

namespace {

// `09:14:10.002`; the day is in the title.
html clock_mark(timestamp t, const answer_context& c) {
  constexpr std::size_t day = std::string_view{"2026-11-23 "}.size();
  constexpr std::size_t clock = std::string_view{"09:14:10.002"}.size();
  const auto full = time_text(t, c.about.where, precision::milliseconds);
  html out;
  out.add("<time datetime=\"").text(to_string(t)).add("\" title=\"");
  out.text(full).add("\">").text(full.substr(day, clock)).add("</time>");
  return out;
}

void add_step(html& out, const transition& x, const transition* before,
              const answer_context& c) {
  out.add("<tr role=row><td role=cell class=\"num soft wide\">")
    .text(std::to_string(x.number))
    .add("<td role=cell class=p2>")
    .add(clock_mark(x.at, c))
    .add("<td role=cell class=\"num soft p3\">");
  if (before != nullptr)
    out.add("+").text(duration_text(x.at - before->at));
  out.add("<td role=cell class=p1>")
    .add(status_mark(x.status))
    .add("<td role=cell class=\"num wide\">")
    .add(figure(x.retry_count))
    .add("<td role=cell class=\"num wide\">");
  if (x.http_status)
    out.text(std::to_string(*x.http_status));
  out.add("<td role=cell class=\"whole p4\">")
    .text(x.last_error.value_or(""))
    .add("\n");
}

void add_remark(html& out, const html& text) {
  out
    .add("<tr role=row><td role=cell class=wide><td role=cell class=\"soft "
         "p4\" colspan=6>")
    .add(text)
    .add("\n");
}

void add_next(html& out, const call_snapshot& x, const answer_context& c) {
  html text;
  if (x.state == call_state::begun)
    text.add("attempt ").number(x.attempt).add(" has begun");
  else if (x.state == call_state::waiting) {
    text.add("attempt ").number(x.attempt).add(" is due ");
    if (x.due && *x.due > c.now)
      text.add(age_mark(x.due, c));
    else
      text.add("now");
  }
  if (!text.empty())
    add_remark(out, text);
}

} // namespace

html history_table(const history_reply& x,
                   const std::optional<call_snapshot>& call,
                   const answer_context& c, std::size_t most) {
  html out;
  out.add("<table class=rows role=table><thead role=rowgroup><tr role=row><th "
          "role=columnheader class=\"num w-short wide\">no.<th "
          "role=columnheader class=w-time>time<th role=columnheader "
          "class=\"num w-after\">after<th role=columnheader class=w-step>status"
          "<th role=columnheader class=\"num w-short wide\">retries<th "
          "role=columnheader class=\"num w-short wide\">HTTP<th "
          "role=columnheader>error<tbody role=rowgroup>\n");
  const auto& steps = x.transitions;
  const auto left_out = steps.size() > most ? steps.size() - most : 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i > 0 && i <= left_out)
      continue;
    // What came before may not be kept.
    const auto is_behind_gap = i == 1 && !x.complete;
    add_step(out, steps[i], i == 0 || is_behind_gap ? nullptr : &steps[i - 1],
             c);
    if (i == 0 && !x.complete)
      add_remark(out, html{}.add("steps that are not kept"));
    if (i == 0 && left_out > 0)
      add_remark(out, html{}.text(counted(static_cast<std::int64_t>(left_out),
                                          "step that is not shown here",
                                          "steps that are not shown here")));
  }
  if (x.payload_discarded)
    add_remark(out, html{}
                      .add(ago_mark(x.payload_discarded->at, c))
                      .add(" its payload was discarded: ")
                      .text(x.payload_discarded->reason.value_or("")));
  if (call)
    add_next(out, *call, c);
  out.add("</table>\n");
  return out;
}

std::string effort_text(const tracking_status_snapshot& x, timestamp now) {
  const auto end = x.terminal_at.value_or(now);
  return duration_text(end - x.created_at) + ", "
         + counted(x.retry_count, "retry", "retries");
}

} // namespace waybill::dashboard
