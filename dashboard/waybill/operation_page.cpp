// One operation: where it stands, and each step that led there.
#include <filesystem>

#include "waybill/act_controls.hpp"
#include "waybill/history_table.hpp"
#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

namespace {

void add_detail(html& out, markup name, const html& value) {
  if (!value.empty())
    out.add("<dt>").add(name).add("<dd>").add(value);
}

html plain(const std::optional<std::string>& text) {
  html out;
  if (text)
    out.text(*text);
  return out;
}

html call_text(const call_snapshot& x, const answer_context& c) {
  html out;
  out.text(size_text(x.bytes)).add(", ");
  if (x.state == call_state::kept)
    out.add("kept");
  else if (x.state == call_state::begun)
    out.add("attempt ").number(x.attempt).add(" has begun");
  else if (x.due && *x.due > c.now)
    out.add("attempt ").number(x.attempt).add(" due ").add(age_mark(x.due, c));
  else
    out.add("attempt ").number(x.attempt).add(" due now");
  return out;
}

html link_to(const std::optional<tracked_operation_id>& id) {
  html out;
  if (id)
    out.add("<a href=\"")
      .text(to_string(*id))
      .add("\"><code>")
      .text(to_string(*id))
      .add("</code></a>");
  return out;
}

void add_details(html& out, const tracking_status_snapshot& x,
                 const call_reply& known, const answer_context& c) {
  const auto& call = known.call;
  out.add("<section><div class=head><h2>Facts</h2></div><dl class=facts>\n");
  add_detail(out, "kind", plain(x.kind));
  add_detail(out, "target", plain(x.target_summary));
  add_detail(out, "instance", plain(x.source_instance_id));
  add_detail(out, "script", plain(x.source_script));
  add_detail(out, "node", plain(x.source_node));
  add_detail(out, "recorded", time_mark(x.created_at, c));
  if (!x.terminal_at)
    add_detail(out, "changed", time_mark(x.updated_at, c));
  else
    add_detail(out, "finished", time_mark(*x.terminal_at, c));
  add_detail(out, "took", plain(effort_text(x, c.now)));
  if (x.http_status)
    add_detail(out, "HTTP", plain(std::to_string(*x.http_status)));
  if (call) {
    add_detail(out, "call for", plain(call->target));
    add_detail(out, "payload", call_text(*call, c));
    add_detail(out, "order key", plain(call->order_key));
    if (call->expires)
      add_detail(out, "expires", time_mark(*call->expires, c));
    if (call->root)
      add_detail(out, "known as", plain(to_string(*call->root)));
  }
  if (known.requeue) {
    add_detail(out, "requeued from", link_to(known.requeue->requeue_of));
    add_detail(out, "requeued as", link_to(known.requeue->requeued_as));
  }
  out.add("</dl></section>\n");
}

void add_commands(html& out, const std::string& id,
                  const std::optional<call_snapshot>& call,
                  const answer_context& c) {
  // Whoever takes it along has no default for the file.
  const auto file = std::filesystem::absolute(c.source.file()).string();
  out
    .add("<section><div class=head><h2>As a command</h2></div>\n<p "
         "data-copy=\"Copy as command\" data-text=\"")
    .text("waybill --db " + shell_word(file) + " history " + id)
    .add("\">")
    .add(command_line("history " + id))
    .add("</p>");
  if (call)
    out.add("<p>").add(command_line("payload " + id)).add("</p>");
  if (call && call->state == call_state::kept)
    out.add("<p>").add(command_line("requeue " + id)).add("</p>");
  out.add("</section>\n");
}

http_response not_found_page(const answer_context& c, const std::string& id,
                             const std::optional<purged_operation>& purged) {
  page_parts page;
  page.title = "Not there";
  page.current = menu_entry::operations;
  page.heading.add("No such operation");
  if (purged)
    page.lead.add("<p>It was ")
      .text(to_string(purged->status))
      .add(" ")
      .add(time_mark(purged->finished_at, c))
      .add(", and purged ")
      .add(time_mark(purged->purged_at, c))
      .add(": <code>");
  else
    page.lead.add("<p>It was purged, or never recorded: <code>");
  page.lead.text(id).add("</code></p>");
  page.content.add("<p class=empty><a href=\"../operations\">All "
                   "operations</a></p>\n");
  auto answer = framed(c.about, c.asked, page, &c);
  answer.status = 404;
  return answer;
}

void add_summary(page_parts& page, const tracking_status_snapshot& x,
                 const answer_context& c) {
  const auto id = to_string(x.id);
  page.title = to_string(x.status) + ' ' + id.substr(0, 8) + "…"
               + id.substr(id.size() - 6);
  page.heading.add(status_mark(x.status));
  if (x.retry_count > 0)
    page.heading.add(" after ").text(
      counted(x.retry_count, "retry", "retries"));
  if (x.terminal_at)
    page.heading.add(" in ").text(duration_text(*x.terminal_at - x.created_at));
  if (x.last_error)
    page.heading.add(": ").text(
      x.last_error->substr(0, x.last_error->find('\n')));
  page.lead.add("<p><code data-copy=\"Copy id\">")
    .text(id)
    .add("</code></p>\n<p>");
  page.lead.text(x.target_summary.value_or(x.kind)).add(", recorded ");
  page.lead.add(ago_mark(x.created_at, c)).add("</p>");
  page.acts.add("<a data-copy=\"Copy as JSON\" href=\"../api/v1/operations/")
    .text(id)
    .add("/history\">JSON</a>");
}

} // namespace

http_response operation_page(const answer_context& c, const std::string& id) {
  require_no_parameters(c);
  const auto parsed = tracked_operation_id::parse(id);
  if (!parsed || parsed->is_nil())
    return not_found_page(c, id, std::nullopt);
  const auto history = c.store.get_history(
    {.id = *parsed, .deadline = std::nullopt}, limits::max_answer_bytes);
  if (!history.snapshot)
    return not_found_page(
      c, id,
      c.store.get_status({.id = *parsed, .deadline = std::nullopt}).purged);
  const auto& x = *history.snapshot;
  const auto call = c.store.get_call({.id = *parsed, .deadline = std::nullopt});
  page_parts page;
  page.current = menu_entry::operations;
  page.renews_itself = !x.terminal_at;
  page.acts.add(operation_acts(c, x, call.call));
  add_summary(page, x, c);
  page.content
    .add("<div class=two><section>\n<div class=head><h2>History</h2>"
         "<span class=soft>")
    .text(counted(std::ssize(history.transitions), "step", "steps"))
    .add(history.complete ? html{} : html{}.add(", others are not kept"))
    .add("</span></div>\n")
    .add(history_table(history, call.call, c))
    .add("</section>\n<div>\n");
  add_details(page.content, x, call, c);
  add_commands(page.content, to_string(x.id), call.call, c);
  page.content.add("</div></div>\n");
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
