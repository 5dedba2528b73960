#include "commands/discard.hpp"

#include <memory>
#include <string_view>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// The end that the options ask for.
record_terminal to_request(const discard_options& x) {
  record_terminal request;
  request.id = x.ids.front().first;
  request.status = tracking_status::discarded;
  request.last_error = x.reason;
  constexpr std::string_view name = "last_error";
  if (const auto fault = find_fault(request))
    throw usage_error{fault->starts_with(name)
                        ? "--reason" + escape(fault->substr(name.size()))
                        : escape(*fault)};
  return request;
}

// Why nothing was done.
std::string refusal(const record_terminal& request, update_outcome outcome,
                    const status_reply& reply) {
  const auto id = to_string(request.id);
  if (outcome == update_outcome::not_found || !reply.snapshot)
    return id + " is not there: purged or never recorded";
  return id + " has finished already, as " + to_string(reply.snapshot->status)
         + ", and stays so";
}

struct discarded {
  update_outcome outcome = update_outcome::not_found;
  status_reply found;
};

// By the service, or else by who owns the store meanwhile.
discarded discard_it(context& c, const discard_options& x,
                     record_terminal& request) {
  const auto question = [&] {
    return get_status{.id = request.id, .deadline = std::nullopt};
  };
  if (auto service = c.service()) {
    auto reader = c.open_reader();
    request.id = find_ids(reader, x.ids).front();
    const auto reply
      = service->ask(discard{.id = request.id, .reason = request.last_error});
    return {reply.outcome, service->ask(question())};
  }
  auto store = c.take_store();
  auto reader = c.open_reader();
  request.id = find_ids(reader, x.ids).front();
  const auto reply = store.record_terminal(request, timestamp::now());
  discarded result{reply.outcome,
                   store.get_status(question(), timestamp::now())};
  c.close(store);
  return result;
}

exit_code code_of(update_outcome outcome) {
  switch (outcome) {
    case update_outcome::applied:
      return exit_code::ok;
    case update_outcome::not_found:
      return exit_code::not_found;
    case update_outcome::already_terminal:
      break;
  }
  return exit_code::store_error;
}

} // namespace

command setup_discard(CLI::App& parent) {
  auto x = std::make_shared<discard_options>();
  auto& app = add_command(parent, "discard", "give an operation up");
  add_id(app, x->ids, "the operation");
  require(add_text(app, "--reason", x->reason, "TEXT",
                   "why; recorded as its last error"));
  add_footer(app, "Goes through the service if one runs on the store.\n"
                  "What has finished already stays as it is (exit code 3).\n"
                  "\n"
                  "Example:\n"
                  "  waybill discard --db track.db --reason 'order 4711 was "
                  "cancelled' ID");
  return {&app, [x](context& c) { return run_discard(c, *x); }};
}

exit_code run_discard(context& c, const discard_options& x) {
  auto request = to_request(x);
  stop_on_signals();
  const auto [outcome, reply] = discard_it(c, x, request);
  if (c.json())
    c.print_json(json_text(
      {{"id", to_string(request.id)}, {"outcome", to_string(outcome)}}));
  if (outcome != update_outcome::applied)
    c.note(refusal(request, outcome, reply));
  else if (!c.json())
    c.out().write(to_string(request.id) + " is discarded\n");
  return code_of(outcome);
}

} // namespace waybill::cli
