#include "waybill/act_controls.hpp"

#include <algorithm>

#include "waybill/act_request.hpp"

namespace waybill::dashboard {

namespace {

// What operators call it, with what it is about.
html act_button(audit_verb verb, markup label, const html& about) {
  html out;
  out.add("<button type=button hidden data-act=").text(to_string(verb));
  return out.add(" ").add(about).add(">").add(label).add("</button>\n");
}

html about_id(const tracked_operation_id& id) {
  return html{}.add("data-id=\"").text(to_string(id)).add("\"");
}

html about_filter(const filter_arguments& x) {
  return html{}
    .add("data-filter=\"")
    .text(to_query(to_parameters(x)))
    .add("\"");
}

bool can_act(const answer_context& c) {
  return c.about.actions.has_value();
}

bool are_meant(audit_verb verb, const std::vector<tracking_status>& statuses) {
  return !statuses.empty()
         && std::ranges::all_of(statuses, [verb](tracking_status each) {
              return may_be_meant(verb, each);
            });
}

} // namespace

html operation_acts(const answer_context& c, const tracking_status_snapshot& x,
                    const std::optional<call_snapshot>& call) {
  html out;
  if (!can_act(c))
    return out;
  if (call && call->state == call_state::kept)
    out.add(act_button(audit_verb::requeue, "Requeue…", about_id(x.id)));
  if (call || is_in_flight(x.status))
    out.add(act_button(audit_verb::discard, "Discard…", about_id(x.id)));
  return out;
}

html list_acts(const answer_context& c, const list_query& query,
               const operation_filter& filter) {
  html out;
  if (!can_act(c))
    return out;
  const auto selected = html{}.add("data-selection disabled");
  out.add("<div class=\"acts bulk\">\n")
    .add("<button type=button hidden data-select-all>Select all on this page"
         "</button>\n")
    .add(act_button(audit_verb::requeue, "Requeue selected…", selected))
    .add(act_button(audit_verb::discard, "Discard selected…", selected));
  if (are_meant(audit_verb::requeue, filter.statuses))
    out.add(act_button(audit_verb::requeue, "Requeue all that match…",
                       about_filter(query.filter)));
  if (are_meant(audit_verb::discard, filter.statuses))
    out.add(act_button(audit_verb::discard, "Discard all that match…",
                       about_filter(query.filter)));
  return out.add("</div>\n");
}

html row_choice(const answer_context& c, const tracked_operation_id& id) {
  html out;
  if (can_act(c))
    out.add("<input type=checkbox autocomplete=off hidden data-select=\"")
      .text(to_string(id))
      .add("\" aria-label=\"Select ")
      .text(to_string(id))
      .add("\">");
  return out;
}

html target_act_head(const answer_context& c) {
  return can_act(c) ? html{}.add("<th role=columnheader class=w-act>act")
                    : html{};
}

html target_act(const answer_context& c, const target_snapshot& x) {
  html out;
  if (!can_act(c))
    return out;
  const auto about = html{}.add("data-target=\"").text(x.name).add("\"");
  return out.add("<td role=cell class=p5>")
    .add(x.paused_since ? act_button(audit_verb::resume, "Resume…", about)
                        : act_button(audit_verb::pause, "Pause…", about));
}

html purge_act(const answer_context& c) {
  return can_act(c) ? act_button(audit_verb::purge, "Purge…", html{}) : html{};
}

} // namespace waybill::dashboard
