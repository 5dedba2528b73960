#include "waybill/retention_actor.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A purge of many rows is long; it goes on in the tracker if this passes.
constexpr auto purge_timeout = std::chrono::minutes{10};

class retention_actor_impl : public retention_actor::base {
public:
  using super = retention_actor::base;

  struct rule {
    tracking_status status;
    retention_window window;
  };

  retention_actor_impl(caf::actor_config& config, tracking_actor tracker,
                       const options& x)
    : super{config},
      tracker_{std::move(tracker)},
      rules_{{{tracking_status::delivered, x.retention_delivered},
              {tracking_status::parked, x.retention_parked},
              {tracking_status::failed, x.retention_failed},
              {tracking_status::discarded, x.retention_discarded}}},
      interval_{x.retention_interval},
      clock_{x.clock},
      on_notice_{x.on_notice},
      last_wall_{clock_.wall()},
      last_steady_{clock_.steady()} {}

  const char* name() const override { return "waybill.retention"; }

  behavior_type make_behavior() override {
    arm();
    return {
      [this](const work_tick& x) {
        if (x.serial != serial_)
          return;
        arm();
        tick();
      },
      [this](const shut_down&) { this->quit(); },
    };
  }

private:
  void arm() {
    tell_later(this, retention_actor{this}, interval_, work_tick{++serial_});
  }

  void tick() {
    const auto wall = clock_.wall();
    const auto steady = clock_.steady();
    const auto drift
      = (wall - last_wall_)
        - std::chrono::duration_cast<microseconds>(steady - last_steady_);
    last_wall_ = wall;
    last_steady_ = steady;
    if (drift > max_clock_drift || drift < -max_clock_drift) {
      notify(on_notice_, severity::warning,
             "retention: the clock has jumped by "
               + to_text(std::chrono::duration_cast<milliseconds>(drift))
               + "; nothing is purged this time");
      return;
    }
    for (const auto& [status, window] : rules_)
      if (window)
        purge({.older_than = std::max(wall - *window, min_timestamp),
               .status = status,
               .deadline = std::nullopt});
  }

  void purge(const purge_terminal& x) {
    waybill::request(this, tracker_, purge_timeout, x)
      .then(
        [](const purge_reply&) {
          // All is well; the counts say the rest.
        },
        [this](const caf::error& e) {
          const auto why = to_failure(e);
          notify(on_notice_, severity::warning,
                 "retention: purge failed, the next one tries again: "
                   + to_string(why.code) + ": " + escape(why.text));
        });
  }

  tracking_actor tracker_;
  std::array<rule, 4> rules_;
  milliseconds interval_;
  time_source clock_;
  notice_function on_notice_;
  timestamp last_wall_;
  std::chrono::steady_clock::time_point last_steady_;
  std::int64_t serial_ = 0;
};

} // namespace

retention_actor spawn_retention_actor(caf::actor_system& system,
                                      tracking_actor tracker,
                                      const options& x) {
  return system.spawn<retention_actor_impl>(std::move(tracker), x);
}

} // namespace waybill
