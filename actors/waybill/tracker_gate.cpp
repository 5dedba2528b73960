#include "waybill/tracker_gate.hpp"

#include <utility>

#include "waybill/caf_interception.hpp"
#include "waybill/request_admission.hpp"

namespace waybill {

namespace {

class tracker_gate : public forwarding_actor {
public:
  tracker_gate(caf::actor_config& config, std::shared_ptr<gate_state> state,
               query_endpoint queries)
    : forwarding_actor{config},
      state_{std::move(state)},
      queries_{caf::actor_cast<caf::weak_actor_ptr>(queries.actor)},
      waiting_{std::move(queries.waiting)} {}

  const char* name() const override { return "waybill.gate"; }

protected:
  route find_route(const caf::mailbox_element& element) override {
    const auto& content = content_of(element);
    auto now = state_->current();
    if (!is_one_of(requests_of<tracking_actor>{}, content)) {
      // The owner has its ways behind the gate; here it ends the gate alone.
      if (now.stopped && as<caf::exit_msg>(content) != nullptr)
        end();
      return {nullptr,
              refusal_of_strangers("the tracker takes no such message")};
    }
    // Not by the tracking actor, which may wait for the disk.
    if (as<get_health>(content) != nullptr && !now.stopped)
      return {nullptr,
              caf::make_message(now.tracker && !now.waiting->is_stopped()
                                  ? now.board->read(*now.waiting)
                                  : std::move(now.health))};
    if (now.tracker) {
      switch (admit(requests_of<tracking_actor>{}, content, *now.waiting)) {
        case admission::verdict::admitted:
          return {std::move(now.tracker), {}};
        case admission::verdict::overloaded:
          return refusal({errc::overloaded, "too many requests wait for the "
                                            "tracker; not stored"});
        case admission::verdict::stopped:
          break;
      }
    }
    // Reading needs no tracking actor; but one that is ending may have writes
    // of the sender to commit yet.
    else if (!now.stopped && is_one_of(requests_of<query_actor>{}, content))
      return ask_directly(content);
    return refusal(now.refusal);
  }

private:
  route ask_directly(const content_view& content) const {
    auto queries = queries_.lock();
    if (!queries)
      return refusal({errc::stopped, "the tracker has stopped"});
    if (auto reply = find_refusal(requests_of<query_actor>{}, content,
                                  *waiting_, "too many questions wait",
                                  "the tracker has stopped"))
      return {nullptr, std::move(*reply)};
    return {std::move(queries), {}};
  }

  static route refusal(const failure& why) {
    return {nullptr, caf::make_message(to_error(why.code, why.text))};
  }

  const std::shared_ptr<gate_state> state_;
  // Who still holds the gate of a service that has stopped does not keep its
  // query actor, and that one's thread.
  const caf::weak_actor_ptr queries_;
  const std::shared_ptr<admission> waiting_;
};

} // namespace

void gate_state::stop() {
  view stopped;
  stopped.refusal = {errc::stopped, "the tracker has stopped; not stored"};
  stopped.stopped = true;
  set(std::move(stopped));
}

tracking_actor spawn_tracker_gate(caf::actor_system& system,
                                  std::shared_ptr<gate_state> state,
                                  query_endpoint queries) {
  // Hidden: an actor system waits for no gate.
  return caf::actor_cast<tracking_actor>(
    system.spawn<tracker_gate, caf::hidden>(std::move(state),
                                            std::move(queries)));
}

} // namespace waybill
