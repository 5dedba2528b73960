#include "waybill/retention_actor.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "waybill/caf_interception.hpp"
#include "waybill/clock_history.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

// A purge of many rows is long; it goes on in the tracker if this passes.
constexpr auto purge_timeout = std::chrono::minutes{10};

class retention_actor_impl : public gated<retention_actor::base> {
public:
  using super = gated<retention_actor::base>;

  struct rule {
    tracking_status status;
    retention_window window;
  };

  retention_actor_impl(caf::actor_config& config, purging_actor tracker,
                       const options& x, std::function<bool()> may_end)
    : super{config},
      tracker_{std::move(tracker)},
      rules_{{{tracking_status::delivered, x.retention_delivered},
              {tracking_status::parked, x.retention_parked},
              {tracking_status::failed, x.retention_failed},
              {tracking_status::discarded, x.retention_discarded}}},
      interval_{x.retention_interval},
      clock_{x.clock},
      on_notice_{x.on_notice},
      may_end_{std::move(may_end)},
      seen_{clock_.wall(), clock_.steady()} {
    for (const auto& each : rules_)
      longest_window_ = std::max(longest_window_,
                                 each.window.value_or(milliseconds{0}));
  }

  const char* name() const override { return "waybill.retention"; }

  behavior_type make_behavior() override {
    arm();
    return {
      [this](const work_tick& x) {
        if (x.serial != serial_)
          return;
        arm();
        try {
          tick();
        } catch (const std::exception& e) { // the host's clock may throw
          notify(on_notice_, severity::warning,
                 std::string{"retention: failed, the next tick tries again: "}
                   + escape(e.what()));
        }
      },
      [this](const shut_down&) { this->quit(); },
    };
  }

protected:
  [[nodiscard]] bool may_end() const override { return may_end_(); }

private:
  void arm() {
    tell_later(this, retention_actor{this}, interval_, work_tick{++serial_});
  }

  void tick() {
    const auto jump = seen_.look(clock_.wall(), clock_.steady(),
                                 longest_window_);
    if (jump > reported_clock_jump || jump < -reported_clock_jump) {
      notify(on_notice_, severity::warning,
             "retention: the clock has jumped by "
               + to_text(std::chrono::duration_cast<milliseconds>(jump))
               + "; this tick purges nothing");
      return;
    }
    if (purging_ > 0)
      return; // the storage is slow: never two at a time
    for (const auto& [status, window] : rules_)
      if (window)
        purge({.older_than = std::clamp(seen_.earliest(*window), min_timestamp,
                                        max_timestamp),
               .status = status,
               .deadline = std::nullopt});
  }

  void purge(const purge_terminal& x) {
    ++purging_;
    waybill::request(this, tracker_, purge_timeout, x)
      .then(
        [this](const purge_reply&) {
          --purging_; // all is well; the counts say the rest
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
  std::array<rule, 4> rules_;
  milliseconds interval_;
  time_source clock_;
  notice_function on_notice_;
  const std::function<bool()> may_end_;
  clock_history seen_;
  milliseconds longest_window_{0};
  std::int64_t serial_ = 0;
  int purging_ = 0; // purges that are not answered
};

} // namespace

retention_actor spawn_retention_actor(caf::actor_system& system,
                                      purging_actor tracker, const options& x,
                                      std::function<bool()> may_end) {
  return system.spawn<retention_actor_impl>(std::move(tracker), x,
                                            std::move(may_end));
}

} // namespace waybill
