// Requests to the tracker, each repeated until its answer is definite.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"
#include "waybill/recurring_trouble.hpp"
#include "waybill/timer_queue.hpp"

namespace waybill {

/// A part of an actor that asks the tracker for it. At most 512 requests are
/// open at a time, the others wait in order; whoever wants two requests in
/// order makes the second one when the first has been answered.
class tracker_link {
public:
  using milliseconds = std::chrono::milliseconds;
  using give_up_function = std::function<void(const failure&)>;

  /// What it needs of its actor, which it must not outlive.
  struct host {
    timer_queue* timers;
    /// The time that they are for.
    std::function<timer_queue::time_point()> now;
    /// From 0 to 1.
    std::function<double()> random;
    /// Called after each answer.
    std::function<void()> proceed;
    notice_function notice;
  };

  /// Whether a request is seen through also after `stop()`.
  enum class importance : std::uint8_t { optional, essential };

  /// @param timeout how long to wait for an answer before the request is
  ///        repeated.
  tracker_link(tracking_actor tracker, milliseconds timeout, host x);

  /// Calls `f` on some thread once the tracker has ended. Requests given up
  /// from then on say so.
  void on_tracker_end(std::function<void()> f);

  [[nodiscard]] bool tracker_has_ended() const noexcept {
    return *tracker_ended_;
  }

  /// Puts a request of `self` in the queue, after `delay`. It ends in one call:
  /// of `answered`, with a definite answer, or of `give_up`; the failure then
  /// covers all of its tries.
  template <class Self, class Request>
  void ask(Self* self, Request what, importance how, milliseconds delay,
           std::function<void(const typename Request::reply&)> answered,
           const give_up_function& give_up) {
    using reply_type = typename Request::reply;
    const auto number = ++last_number_;
    auto send = [this, self, number, what = std::move(what),
                 answered = std::move(answered)] {
      waybill::request(self, tracker_, timeout_, what)
        .then(
          [this, number, answered](const reply_type& x) {
            if (!is_known(x))
              not_answered(number, of_newer_version());
            else if (close(number))
              answered(x);
            host_.proceed();
          },
          [this, number](const caf::error& e) {
            not_answered(number, to_failure(e));
            host_.proceed();
          });
    };
    add(number, how, delay, std::move(send), give_up);
  }

  /// Sends what may be sent now.
  void send();

  /// Gives up the optional requests that are not open, and from now on those
  /// that would have to be repeated.
  void stop();

  /// Gives all up, the open ones too, and lets go of the tracker, which a timer
  /// of this actor would otherwise keep alive in CAF 0.17.
  void end_all();

  /// Whether all requests have ended.
  [[nodiscard]] bool idle() const noexcept { return errands_.empty(); }

private:
  using serial = std::uint64_t;

  struct errand {
    importance how = importance::optional;
    std::function<void()> send;
    give_up_function give_up;
    bool open = false;
    // Whether one of its tries may have been applied.
    bool doubtful = false;
    std::int64_t tries = 0;
    std::optional<timer_queue::entry> timer = std::nullopt;
  };

  // A newer tracker may answer with numbers that this version does not know;
  // what they mean is unknown.
  static bool is_known(const enqueue_reply& x) noexcept {
    return static_cast<int>(x.outcome) < num_enqueue_outcomes;
  }
  static bool is_known(const update_reply& x) noexcept {
    return static_cast<int>(x.outcome) < num_update_outcomes;
  }
  static bool is_known(const status_reply& x) noexcept {
    return !x.snapshot
           || static_cast<int>(x.snapshot->status) < num_tracking_statuses;
  }
  static bool is_known(const take_reply& x) noexcept {
    return static_cast<int>(x.outcome) < num_take_outcomes;
  }
  template <class Reply>
  static bool is_known(const Reply&) noexcept {
    return true;
  }
  static failure of_newer_version() {
    return {errc::outcome_unknown, "an answer of a newer version"};
  }

  void add(serial number, importance how, milliseconds delay,
           std::function<void()> send, give_up_function give_up);
  void post(serial number, milliseconds delay);
  bool close(serial number);
  void not_answered(serial number, const failure& why);
  void give_up(serial number);
  void end(serial number, const failure& why);
  [[nodiscard]] milliseconds repeat_delay(std::int64_t tries) const;

  tracking_actor tracker_;
  milliseconds timeout_;
  host host_;
  std::unordered_map<serial, errand> errands_;
  serial last_number_ = 0;
  std::deque<serial> outbox_;
  std::int64_t num_open_ = 0;
  bool stopping_ = false;
  recurring_trouble trouble_; // the tracker takes no requests
  // Shared with what is attached to the tracker.
  std::shared_ptr<std::atomic<bool>> tracker_ended_
    = std::make_shared<std::atomic<bool>>(false);
};

} // namespace waybill
