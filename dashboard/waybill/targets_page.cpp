// What waits for each target, and how much may.
#include <algorithm>

#include "waybill/act_controls.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

namespace {

// The bound that is used most, in percent; none if there are no bounds.
std::optional<int> share_of(const target_snapshot& x) {
  std::optional<int> most;
  const auto add = [&](std::int64_t is, const std::optional<std::int64_t>& of) {
    if (of && *of > 0)
      most = std::max(most.value_or(0),
                      static_cast<int>(
                        std::min(999.0, 100.0 * static_cast<double>(is)
                                          / static_cast<double>(*of))));
  };
  add(x.calls, x.max_calls);
  add(x.bytes, x.max_bytes);
  add(x.kept_calls, x.max_kept_calls);
  add(x.kept_bytes, x.max_kept_bytes);
  return most;
}

std::string pause_text(const target_snapshot& x) {
  auto text = "paused by " + x.paused_by.value_or("");
  if (x.pause_reason)
    text += ": " + *x.pause_reason;
  return text;
}

html state_of(const target_snapshot& x) {
  if (x.paused_since)
    return state_mark("paused", pause_text(x));
  if (const auto trouble = trouble_of(x))
    return state_mark(trouble->starts_with("takes") ? "failed" : "degraded",
                      *trouble);
  if (x.calls == 0)
    return state_mark("rest", "nothing waits");
  return x.begun > 0 || x.due == 0 ? state_mark("ok", "calls are under way")
                                   : state_mark("rest", "calls are due");
}

void add_number(html& out, markup cell, std::int64_t x) {
  out.add(cell).add(figure(x));
}

void add_target(html& out, const target_snapshot& x, const answer_context& c) {
  out.add("<tr role=row><td role=cell class=p1><b>")
    .add(cut_text(x.name))
    .add("</b><td role=cell class=p4>")
    .add(state_of(x));
  add_number(out, "<td role=cell class=\"num p3\">", x.calls);
  add_number(out, "<td role=cell class=\"num wide\">", x.due);
  add_number(out, "<td role=cell class=\"num wide\">", x.begun);
  add_number(out, "<td role=cell class=\"num wide\">", x.scheduled);
  out.add("<td role=cell class=\"num wider\">")
    .add(age_mark(x.next_due, c))
    .add("<td role=cell class=\"num wide\">")
    .add(age_mark(x.oldest, c))
    .add("<td role=cell class=\"num wider\">")
    .text(x.bytes > 0 ? size_text(x.bytes) : "");
  add_number(out, "<td role=cell class=\"num wide\">", x.kept_calls);
  out.add("<td role=cell class=\"num wider\">")
    .text(x.kept_bytes > 0 ? size_text(x.kept_bytes) : "")
    .add("<td role=cell class=\"num wide\">");
  if (const auto share = share_of(x))
    out.text(std::to_string(*share) + " %");
  out.add(target_act(c, x)).add("\n");
}

void add_table(html& out, const targets_reply& x, const answer_context& c) {
  out.add(
    "<table class=\"rows targets\" role=table><thead role=rowgroup><tr "
    "role=row><th role=columnheader class=w-name>target<th "
    "role=columnheader>state<th role=columnheader class=\"num "
    "w-age\">waiting<th role=columnheader class=\"num w-age wide\">due"
    "<th role=columnheader class=\"num w-age wide\">begun<th "
    "role=columnheader class=\"num w-age wide\">later<th "
    "role=columnheader class=\"num w-age wider\">next<th "
    "role=columnheader class=\"num w-age wide\">oldest<th role=columnheader "
    "class=\"num w-bytes wider\">bytes<th role=columnheader class=\"num "
    "w-age wide\">kept<th role=columnheader class=\"num w-bytes "
    "wider\">kept bytes<th role=columnheader class=\"num w-age "
    "wide\">full");
  out.add(target_act_head(c)).add("<tbody role=rowgroup>\n");
  for (const auto& each : x.targets)
    add_target(out, each, c);
  out.add("</table>\n");
}

void add_answer_of(page_parts& page, const targets_reply& x) {
  std::int64_t waiting = 0;
  std::int64_t wanting = 0;
  const auto* const worst = worst_of(x);
  for (const auto& each : x.targets) {
    waiting += each.calls;
    wanting += each.calls > 0 ? 1 : 0;
  }
  if (x.targets.empty())
    page.heading.add("No targets yet");
  else if (worst != nullptr)
    page.heading.text(worst->name + " " + *trouble_of(*worst));
  else if (waiting == 0)
    page.heading.add("Nothing waits for a target");
  else
    page.heading.text(counted(waiting, "call waits for ", "calls wait for "))
      .text(counted(wanting, "target", "targets"));
  page.lead.add("<p>").add(command_line("targets")).add("</p>");
}

} // namespace

http_response targets_page(const answer_context& c) {
  require_no_parameters(c);
  const auto reply = c.store.list_targets({.deadline = std::nullopt}, c.now);
  page_parts page;
  page.title = "Targets";
  page.current = menu_entry::targets;
  page.renews_itself = true;
  add_answer_of(page, reply);
  if (reply.targets.empty())
    page.content.add("<p class=empty>No call has been kept yet: a target is "
                     "there once a store-and-forward actor has been started "
                     "for it.</p>\n");
  else
    add_table(page.content, reply, c);
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
