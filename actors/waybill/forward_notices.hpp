// What a store-and-forward actor tells an operator.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "waybill/call_messages.hpp"
#include "waybill/circuit_breaker.hpp"
#include "waybill/errc.hpp"
#include "waybill/options.hpp"
#include "waybill/recurring_trouble.hpp"
#include "waybill/text.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace waybill {

/// Each notice names the target. A trouble that recurs is told less and less
/// often.
class forward_notices {
public:
  using time_point = recurring_trouble::time_point;

  /// @param hear may be empty.
  /// @param on_breaker the same.
  forward_notices(notice_function hear,
                  std::function<void(bool is_open)> on_breaker,
                  const std::string& target)
    : hear_{std::move(hear)},
      on_breaker_{std::move(on_breaker)},
      begin_{"store-and-forward to " + escape(target) + ": "} {}

  /// Hears what is told of the target. Must not outlive this.
  [[nodiscard]] notice_function listener() const {
    return
      [this](severity level, const std::string& text) { tell(level, text); };
  }

  void tell(severity level, const std::string& text) const {
    notify(hear_, level, begin_ + text);
  }

  /// The target has been opened.
  void opened(const target_reply& x) const {
    if (!x.interrupted.empty() || x.parked > 0)
      tell(severity::warning,
           std::to_string(x.interrupted.size()
                          + static_cast<std::size_t>(x.parked))
             + " attempts were interrupted by the end of the process before; "
             + std::to_string(x.parked)
             + " calls are parked, which were interrupted too often");
    if (x.pause)
      tell(severity::warning, "is paused, " + pause_text(*x.pause)
                                + "; no attempt begins until it is resumed");
  }

  /// An operator has asked for it.
  void pause_changed(const pause_target&, const pause_reply& x) const {
    if (x.outcome == pause_outcome::applied && x.pause)
      tell(severity::info, "is paused, " + pause_text(*x.pause));
  }

  void pause_changed(const resume_target&, const pause_reply& x) const {
    if (x.outcome == pause_outcome::applied && x.pause)
      tell(severity::info, "goes on; it was paused, " + pause_text(*x.pause));
  }

  void not_opened(const failure& why) const {
    tell(severity::error,
         "no call is taken: " + to_string(why.code) + ": " + escape(why.text));
  }

  /// It ends with its tracker.
  void tracker_ended(std::size_t calls) const {
    tell(severity::error, "the tracker has ended, and so does this; "
                            + std::to_string(calls) + " calls stay in flight");
  }

  /// The tracker has not taken a report for good.
  void report_refused(const tracked_operation_id& id, const failure& why,
                      time_point now) {
    if (why.code == errc::stopped || why.code == errc::outcome_unknown)
      return; // it is no refusal
    if (const auto untold = refusals_.note(now))
      tell(severity::error,
           "the tracker refuses a report about " + to_string(id)
             + ", which stays in flight: " + to_string(why.code) + ": "
             + escape(why.text) + to_untold_text(*untold));
    refusals_.end(); // the next call's is another one
  }

  /// No thread was to be had for an attempt.
  /// @param next_try how it goes on.
  void threads_wanted(const std::string& why, const std::string& next_try,
                      time_point now) {
    if (const auto untold = want_of_threads_.note(now))
      tell(severity::warning, "no thread for an attempt is to be had; "
                                + next_try + ": " + escape(why)
                                + to_untold_text(*untold));
  }

  void threads_found() {
    if (want_of_threads_.end())
      tell(severity::info, "threads are to be had again");
  }

  /// The breaker has opened, or closed: how an attempt ended decided it.
  void breaker_changed(circuit_breaker::change what,
                       std::chrono::milliseconds pause,
                       const std::optional<std::string>& error,
                       time_point now) {
    using change = circuit_breaker::change;
    if (what != change::none && on_breaker_)
      on_breaker_(what == change::opened);
    if (what == change::opened)
      if (const auto untold = failing_.note(now))
        tell(severity::warning,
             "too many attempts fail; none begins for " + to_text(pause)
               + ", then one to try: " + escape(error.value_or("(no reason)"))
               + to_untold_text(*untold));
    if (what == change::closed && failing_.end())
      tell(severity::info, "the target works again");
  }

  /// The actor has ended: its breaker is none any more.
  void ended() const {
    if (on_breaker_)
      on_breaker_(false);
  }

private:
  static std::string pause_text(const target_pause& x) {
    return "since " + to_string(x.since) + ", by " + escape(x.who) + ": "
           + escape(x.reason);
  }

  notice_function hear_;
  std::function<void(bool is_open)> on_breaker_;
  std::string begin_;
  recurring_trouble refusals_;
  recurring_trouble want_of_threads_;
  recurring_trouble failing_;
};

} // namespace waybill
