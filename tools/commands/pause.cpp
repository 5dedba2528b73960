#include "commands/pause.hpp"

#include <memory>

#include "commands/act.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/one_line.hpp"
#include "waybill/call_store.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

pause_reply change(operation_tracking_store& store, const pause_target& x) {
  return store.calls().pause(x, timestamp::now());
}

pause_reply change(operation_tracking_store& store, const resume_target& x) {
  return store.calls().resume(x, timestamp::now());
}

template <class Request>
pause_reply change_it(context& c, const Request& x) {
  require_usable(x);
  stop_on_signals();
  return by_service_or_owner(
    c, [&](service_client& service) { return service.ask(x); },
    [&](operation_tracking_store& store) { return change(store, x); });
}

std::string pause_text(const target_pause& x, const context& c) {
  return "since " + time_text(x.since, c.where()) + " ("
         + age_text(c.now() - x.since) + ") by " + one_line(x.who) + ": "
         + one_line(x.reason);
}

// What an answer means for a target.
std::string meaning(const pause_target&, const pause_reply& x,
                    const context& c) {
  if (x.outcome == pause_outcome::unchanged && x.pause)
    return " is paused already, " + pause_text(*x.pause, c);
  return " is paused: no attempt begins until it is resumed";
}

std::string meaning(const resume_target&, const pause_reply& x,
                    const context& c) {
  if (x.outcome == pause_outcome::unchanged)
    return " is not paused";
  return " goes on"
         + (x.pause ? "; it was paused " + pause_text(*x.pause, c)
                    : std::string{});
}

template <class Request>
exit_code change_and_tell(context& c, const Request& x) {
  const auto reply = change_it(c, x);
  const auto is_there = reply.outcome != pause_outcome::not_found;
  if (c.json()) {
    auto object = to_json(reply);
    object["target"] = x.target;
    c.print_json(json_text(object));
  }
  if (!is_there)
    c.note("there is no target \"" + escape(x.target)
           + "\"; waybill targets lists them");
  else if (!c.json())
    c.out().write(one_line(x.target) + meaning(x, reply, c) + '\n');
  return is_there ? exit_code::ok : exit_code::not_found;
}

void add_target(CLI::App& app, std::optional<std::string>& to) {
  require(add_text(app, "TARGET", to, "TARGET", "the target's name"));
}

} // namespace

command setup_pause(CLI::App& parent) {
  auto x = std::make_shared<pause_options>();
  auto& app = add_command(parent, "pause", "begin no attempts for a target");
  add_target(app, x->target);
  require(add_text(app, "--reason", x->reason, "TEXT", "why; shown to others"));
  add_by(app, x->by);
  add_footer(app,
             "Goes through the service if one runs on the store. Calls are "
             "taken meanwhile,\n"
             "attempts that have begun end, and times to live run on. It "
             "stays paused, also\n"
             "across restarts, until waybill resume. One that is paused "
             "stays as it is.\n"
             "\n"
             "Example:\n"
             "  waybill pause --db track.db --reason 'MES is updated until "
             "14:00' mes");
  return {&app, [x](context& c) { return run_pause(c, *x); }};
}

command setup_resume(CLI::App& parent) {
  auto x = std::make_shared<pause_options>();
  auto& app = add_command(parent, "resume",
                          "begin attempts again for a target that is paused");
  add_target(app, x->target);
  add_text(app, "--reason", x->reason, "TEXT", "why; for the audit");
  add_by(app, x->by);
  add_footer(app, "Goes through the service if one runs on the store. Attempts "
                  "begin slowly\nat first.\n"
                  "\n"
                  "Example:\n"
                  "  waybill resume --db track.db mes");
  return {&app, [x](context& c) { return run_resume(c, *x); }};
}

exit_code run_pause(context& c, const pause_options& x) {
  return change_and_tell(c, pause_target{.target = x.target.value(),
                                         .who = operator_name(x.by),
                                         .reason = x.reason.value()});
}

exit_code run_resume(context& c, const pause_options& x) {
  return change_and_tell(c, resume_target{.target = x.target.value(),
                                          .who = operator_name(x.by),
                                          .reason = x.reason});
}

} // namespace waybill::cli
