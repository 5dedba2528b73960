#include "waybill/retention_actor.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

#include "waybill/caf_interception.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

// A purge of many rows is long; it goes on in the tracker if this passes.
constexpr auto purge_timeout = std::chrono::minutes{10};
// Time for a host to come up.
constexpr auto max_first_delay = milliseconds{500};
// Between two looks at a clock that has yet to be set.
constexpr auto behind_interval = milliseconds{10'000};
// Behind a tick that purges nothing because the clock has jumped.
constexpr auto after_jump = milliseconds{60'000};

// Whether it tells of something that went wrong; the other statuses tell that
// all is well, or that somebody has looked at it.
constexpr bool is_worth_telling(tracking_status x) noexcept {
  return x == tracking_status::parked || x == tracking_status::failed;
}

class retention_actor_impl : public gated<retention_actor::base> {
public:
  using super = gated<retention_actor::base>;

  struct rule {
    tracking_status status;
    retention_window window;
    bool with_payload = false;
  };

  retention_actor_impl(caf::actor_config& config, purging_actor tracker,
                       const options& x, const remembered_times& remembered,
                       std::shared_ptr<clock_history> seen)
    : super{config},
      tracker_{std::move(tracker)},
      rules_{{{tracking_status::delivered, x.retention_delivered},
              {tracking_status::parked, x.retention_parked},
              {tracking_status::failed, x.retention_failed},
              {tracking_status::discarded, x.retention_discarded},
              {tracking_status::parked, x.retention_payloads, true},
              {tracking_status::failed, x.retention_payloads, true}}},
      duplicate_window_{x.duplicate_window},
      interval_{x.retention_interval},
      clock_{x.clock},
      on_notice_{x.on_notice},
      seen_{std::move(seen)},
      first_delay_{first_delay(remembered)} {
    this->set_exception_handler(
      [](std::exception_ptr& thrown) { return to_end_reason(thrown); });
    longest_window_ = duplicate_window_.value_or(milliseconds{0});
    for (const auto& each : rules_)
      longest_window_ = std::max(longest_window_,
                                 each.window.value_or(milliseconds{0}));
  }

  const char* name() const override { return "waybill.retention"; }

  behavior_type make_behavior() override {
    arm(first_delay_);
    return {
      [this](const work_tick& x) {
        if (x.serial != serial_)
          return;
        auto delay = interval_;
        try {
          delay = tick();
        } catch (const std::exception& e) { // the host's clock may throw
          notify(on_notice_, severity::warning,
                 std::string{"retention: failed, the next tick tries again: "}
                   + escape(e.what()));
        }
        arm(delay);
      },
      [this](const shut_down&) { this->quit(); },
    };
  }

private:
  void arm(milliseconds delay) {
    tell_later(this, retention_actor{this}, delay, work_tick{++serial_});
  }

  static const std::optional<timestamp>& oldest_of(const remembered_times& x,
                                                   tracking_status status) {
    return x.oldest_finished.at(
      static_cast<std::size_t>(status)
      - static_cast<std::size_t>(tracking_status::delivered));
  }

  // By what the store remembers, and not by how long this process has run.
  [[nodiscard]] milliseconds first_delay(const remembered_times& x) const {
    const auto soon = std::min(interval_ / 2, max_first_delay);
    if (seen_->is_behind())
      return soon;
    auto delay = interval_;
    for (const auto& [status, window, with_payload] : rules_) {
      const auto& oldest = oldest_of(x, status);
      if (window && oldest)
        delay = std::min(delay, std::chrono::duration_cast<milliseconds>(
                                  *oldest + *window - clock_.wall()));
    }
    if (duplicate_window_ && x.oldest_purged)
      delay = std::min(delay, std::chrono::duration_cast<milliseconds>(
                                *x.oldest_purged + *duplicate_window_
                                - clock_.wall()));
    return std::max(delay, soon);
  }

  // Returns when the next one is to come.
  milliseconds tick() {
    const auto jump = seen_->look(clock_.wall(), clock_.steady(),
                                  longest_window_);
    if (jump > reported_clock_jump || jump < -reported_clock_jump) {
      notify(on_notice_, severity::warning,
             "retention: the clock has jumped by "
               + to_text(std::chrono::duration_cast<milliseconds>(jump))
               + "; this tick purges nothing");
      return std::min(interval_, after_jump);
    }
    if (purging_ > 0)
      return interval_; // the storage is slow: never two at a time
    std::optional last{request_to_forget()};
    for (const auto& [status, window, with_payload] : rules_) {
      if (!window)
        continue;
      const auto due = seen_->due(*window);
      // The first one also forgets.
      auto x = std::exchange(last, std::nullopt).value_or(purge_terminal{});
      x.older_than = in_range(due.older_than);
      x.status = status;
      x.not_before = due.not_before;
      x.with_payload = with_payload;
      purge(x);
    }
    if (last)
      purge(*last);
    return seen_->is_behind() ? std::min(interval_, behind_interval)
                              : interval_;
  }

  static timestamp in_range(timestamp x) {
    return std::clamp(x, min_timestamp, max_timestamp);
  }

  // Deletes nothing. If what was purged is remembered for ever, there may still
  // be too much of it.
  [[nodiscard]] purge_terminal request_to_forget() const {
    purge_terminal x;
    x.older_than = x.forget_before.emplace(min_timestamp);
    x.status = tracking_status::delivered;
    if (!duplicate_window_)
      return x;
    const auto due = seen_->due(*duplicate_window_);
    x.forget_before = in_range(due.older_than);
    x.forget_not_before = due.not_before;
    return x;
  }

  void purge(const purge_terminal& x) {
    ++purging_;
    waybill::request(this, tracker_, purge_timeout, x)
      .then(
        [this, x](const purge_reply& reply) {
          --purging_;
          if (reply.deleted > 0 && is_worth_telling(*x.status))
            notify(on_notice_, severity::info,
                   "retention: has deleted " + std::to_string(reply.deleted)
                     + (reply.deleted == 1 ? " operation that was "
                                           : " operations that were ")
                     + to_string(*x.status) + " before "
                     + to_string(x.older_than)
                     + (x.with_payload ? ", and still held a payload" : ""));
        },
        [this](const caf::error& e) {
          --purging_;
          const auto why = to_failure(e);
          notify(on_notice_, severity::warning,
                 "retention: purge failed, the next one tries again: "
                   + to_string(why.code) + ": " + escape(why.text));
        });
  }

  purging_actor tracker_;
  std::array<rule, 6> rules_;
  retention_window duplicate_window_;
  milliseconds interval_;
  time_source clock_;
  notice_function on_notice_;
  const std::shared_ptr<clock_history> seen_;
  const milliseconds first_delay_;
  milliseconds longest_window_{0};
  std::int64_t serial_ = 0;
  int purging_ = 0; // purges that are not answered
};

} // namespace

retention_actor spawn_retention_actor(caf::actor_system& system,
                                      purging_actor tracker, const options& x,
                                      const remembered_times& remembered,
                                      std::shared_ptr<clock_history> seen) {
  return system.spawn<retention_actor_impl>(std::move(tracker), x, remembered,
                                            std::move(seen));
}

std::shared_ptr<clock_history> clock_seen(const options& x,
                                          const remembered_times& remembered) {
  return std::make_shared<clock_history>(x.clock.wall(), x.clock.steady(),
                                         remembered.latest.value_or(
                                           min_timestamp));
}

} // namespace waybill
