// Whether an operator has paused a target, as far as its actor knows.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
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
    if (open_.size() + done_.size() >= max_requests)
      return failure{errc::overloaded, "too many wait to pause the target, or "
                                       "to resume it"};
    return std::nullopt;
  }

  /// A request waits for its turn.
  template <class Request>
  void begin(Request x, promise to) {
    ++now_;
    num_pausing_ += pauses<Request> ? 1 : 0;
    open_.push_back({std::move(x), std::move(to)});
  }

  using request = std::variant<pause_target, resume_target>;

  /// What the store is to be asked for now; null if nothing is. One is asked
  /// for after the other: it is repeated if its answer is lost, and would undo
  /// what has been asked for since.
  [[nodiscard]] const request* next() noexcept {
    if (is_asking_ || open_.empty())
      return nullptr;
    is_asking_ = true;
    return &open_.front().what;
  }

  /// The store has answered; who asked is answered by `tell_done`.
  /// @returns whether the target goes on with that.
  template <class Request>
  bool end(const Request& asked, const pause_reply& x, time_point when) {
    const auto held = holds();
    auto to = give_up(asked);
    if (x.outcome != pause_outcome::not_found)
      learn(pauses<Request> ? x.pause : std::nullopt, when);
    done_.emplace_back(std::move(to), x);
    const auto is_resumed
      = !pauses<Request> && x.outcome == pause_outcome::applied;
    return (held || is_resumed) && !holds();
  }

  /// It has not, for good.
  /// @returns who asked.
  template <class Request>
  promise give_up(const Request&) {
    ++now_;
    is_asking_ = false;
    num_pausing_ -= pauses<Request> ? 1 : 0;
    auto to = std::move(open_.front().to);
    open_.pop_front();
    return to;
  }

  /// Answers those whose requests are done. Whoever has paused the target
  /// trusts that no attempt begins any more: so while it holds, that is to be
  /// called when none is about to, which the store may have let begin before.
  void tell_done() {
    for (auto& [to, reply] : std::exchange(done_, {}))
      to.deliver(reply);
  }

  /// The actor ends: the others are refused.
  void refuse_all() {
    tell_done();
    for (auto& each : std::exchange(open_, {}))
      each.to.deliver(to_error(errc::stopped, "store-and-forward has ended; "
                                              "nothing is changed"));
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

  struct waiting_request {
    request what;
    promise to;
  };

  void learn(const std::optional<target_pause>& x, time_point when) {
    pause_ = x;
    is_in_doubt_ = false;
    next_look_ = when + look_interval;
  }

  std::optional<target_pause> pause_;
  bool is_in_doubt_ = false;
  stamp now_ = 0;
  std::deque<waiting_request> open_; // the store is asked for the first
  bool is_asking_ = false;
  std::int64_t num_pausing_ = 0;
  bool is_looking_ = false;
  time_point next_look_{};
  std::vector<std::pair<promise, pause_reply>> done_;
};

} // namespace waybill
