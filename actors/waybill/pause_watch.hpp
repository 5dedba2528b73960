// Whether an operator has paused a target, as far as its actor knows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "waybill/protocol.hpp"
#include "waybill/text.hpp"

namespace waybill {

/// The store decides: it lets no attempt begin while a target is paused. This
/// keeps the actor from asking in vain, and knows when to look again, for a
/// target may be paused and resumed behind its actor's back.
class pause_watch {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using promise = caf::typed_response_promise<pause_reply>;

  /// Between two looks at the store while the target is paused.
  static constexpr auto look_interval = std::chrono::seconds{1};
  /// Requests that may be open.
  static constexpr std::size_t max_requests = 64;

  /// What the answer to a question is worth depends on what has been asked
  /// since it was sent.
  using stamp = std::uint64_t;

  /// Whether no attempt is to begin.
  [[nodiscard]] bool holds() const noexcept {
    return pause_ || is_in_doubt_ || num_pausing_ > 0;
  }

  // -- requests ---------------------------------------------------------------

  /// Why one is not passed on; none if it is.
  /// @param target the actor's.
  template <class Request>
  [[nodiscard]] std::optional<failure>
  refusal_of(const Request& x, const std::string& target, bool stopping) const {
    if (auto fault = find_fault(x))
      return failure{errc::invalid_request, std::move(*fault)};
    if (x.target != target)
      return failure{errc::invalid_request, "target: this works for "
                                              + escape(target) + ", not for "
                                              + escape(x.target)};
    if (stopping)
      return failure{errc::stopped, "store-and-forward is stopping; nothing "
                                    "is changed"};
    if (num_open_ + done_.size() >= max_requests)
      return failure{errc::overloaded, "too many wait to pause the target, or "
                                       "to resume it"};
    return std::nullopt;
  }

  /// The store is asked.
  template <class Request>
  void begin(const Request&) noexcept {
    ++now_;
    ++num_open_;
    num_pausing_ += pauses<Request> ? 1 : 0;
  }

  /// It has answered; `to` is answered by `tell_done`.
  /// @returns whether the target goes on with that.
  template <class Request>
  bool end(const Request& asked, promise to, const pause_reply& x,
           time_point when) {
    const auto held = holds();
    give_up(asked);
    if (x.outcome != pause_outcome::not_found)
      learn(pauses<Request> ? x.pause : std::nullopt, when);
    done_.emplace_back(std::move(to), x);
    const auto is_resumed
      = !pauses<Request> && x.outcome == pause_outcome::applied;
    return (held || is_resumed) && !holds();
  }

  /// It has not, for good.
  template <class Request>
  void give_up(const Request&) noexcept {
    ++now_;
    --num_open_;
    num_pausing_ -= pauses<Request> ? 1 : 0;
  }

  /// Answers those whose requests are done. Whoever has paused the target
  /// trusts that no attempt begins any more: so while it holds, that is to be
  /// called when none is about to, which the store may have let begin before.
  void tell_done() {
    for (auto& [to, reply] : std::exchange(done_, {}))
      to.deliver(reply);
  }

  // -- looks at the store -----------------------------------------------------

  /// The store has not let an attempt begin.
  void doubt() noexcept {
    if (pause_ || is_in_doubt_)
      return;
    is_in_doubt_ = true;
    next_look_ = time_point::min();
  }

  /// When to ask the store; `time_point::max()` if there is no need.
  [[nodiscard]] time_point next_look() const noexcept {
    return (pause_ || is_in_doubt_) && !is_looking_ ? next_look_
                                                    : time_point::max();
  }

  /// Of a question that is sent now.
  [[nodiscard]] stamp asked() const noexcept { return now_; }

  void begin_look() noexcept { is_looking_ = true; }

  /// What the store has said, by opening the target or by a look.
  /// @returns whether the target goes on with that.
  bool heed(const std::optional<target_pause>& x, stamp sent, time_point when) {
    is_looking_ = false;
    next_look_ = when + look_interval;
    if (sent != now_) // something newer is known, or asked
      return false;
    const auto held = holds();
    learn(x, when);
    return held && !holds();
  }

  /// It could not say.
  void not_seen(time_point when) noexcept {
    is_looking_ = false;
    next_look_ = when + look_interval;
  }

private:
  template <class Request>
  static constexpr bool pauses = std::is_same_v<Request, pause_target>;

  void learn(const std::optional<target_pause>& x, time_point when) {
    pause_ = x;
    is_in_doubt_ = false;
    next_look_ = when + look_interval;
  }

  std::optional<target_pause> pause_;
  bool is_in_doubt_ = false;
  stamp now_ = 0;
  std::size_t num_open_ = 0;
  std::int64_t num_pausing_ = 0;
  bool is_looking_ = false;
  time_point next_look_{};
  std::vector<std::pair<promise, pause_reply>> done_;
};

} // namespace waybill
