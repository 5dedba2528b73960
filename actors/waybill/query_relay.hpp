// Questions that the tracking actor passes on to the query actor.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "waybill/owed_answer.hpp"
#include "waybill/query_actor.hpp"

namespace waybill {

/// The query actor sees what is committed, and so a sender's own earlier writes
/// only after the open batch.
class query_relay {
public:
  /// @param here where the questions are counted out.
  query_relay(query_endpoint there, std::shared_ptr<admission> here)
    : there_{std::move(there)}, here_{std::move(here)} {}

  query_relay(const query_relay&) = delete; // what waits knows where it is
  query_relay& operator=(const query_relay&) = delete;

  /// Whether someone waits for the end of the batch.
  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty(); }

  /// Passes a question on, or does so with `pass_waiting()`; whoever answers it
  /// answers its sender.
  template <class Request>
  void pass(const owed_answer<typename Request::reply>& x, const Request& what,
            bool later) {
    if (later)
      waiting_.push_back([this, x, what] { hand_over(x, what); });
    else
      hand_over(x, what);
  }

  /// No batch is open.
  void pass_waiting() {
    for (const auto& each : std::exchange(waiting_, {}))
      each();
  }

private:
  template <class Request>
  void hand_over(owed_answer<typename Request::reply> x, const Request& what) {
    here_->leave(x.weight);
    switch (there_.waiting->enter(x.weight)) {
      case admission::verdict::admitted:
        x.to.delegate(there_.actor, what);
        break;
      case admission::verdict::overloaded:
        x.to.deliver(to_error(errc::overloaded, "too many questions wait"));
        break;
      case admission::verdict::stopped:
        x.to.deliver(to_error(errc::stopped, "the tracker has stopped"));
        break;
    }
  }

  const query_endpoint there_;
  const std::shared_ptr<admission> here_;
  std::vector<std::function<void()>> waiting_;
};

} // namespace waybill
