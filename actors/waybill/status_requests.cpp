#include "waybill/status_requests.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;

// Questions that wait at a time; each holds a promise and a timer.
constexpr std::size_t max_waiting = 65'536;
// Far more than any question needs; a parsed text takes many times its size.
constexpr std::size_t max_text = 4'096;

class status_request_actor_impl : public status_request_actor::base {
public:
  using super = status_request_actor::base;

  status_request_actor_impl(caf::actor_config& config, tracking_actor tracker,
                            const options& x)
    : super{config},
      tracker_{std::move(tracker)},
      timeout_{x.status_timeout},
      clock_{x.clock} {}

  const char* name() const override { return "waybill.status_requests"; }

  behavior_type make_behavior() override {
    return {
      [this](const get_status& x) {
        auto to = this->make_response_promise<status_reply>();
        look(
          x, [to](const status_reply& reply) mutable { to.deliver(reply); },
          [to](const failure& why) mutable {
            to.deliver(to_error(why.code, why.text));
          });
        return to;
      },
      [this](const std::string& text) {
        auto to = this->make_response_promise<std::string>();
        const fail_function fail = [to](const failure& why) mutable {
          to.deliver(to_json_error(why));
        };
        if (text.size() > max_text) {
          fail({errc::invalid_request,
                "is no question of at most " + std::to_string(max_text)
                  + " bytes, but of " + std::to_string(text.size())});
          return to;
        }
        try {
          look(
            from_json_text<get_status>(text),
            [to](const status_reply& reply) mutable {
              to.deliver(to_json_text(reply));
            },
            fail);
        } catch (const json_error& e) {
          fail({errc::invalid_request, e.what()});
        }
        return to;
      },
    };
  }

  // CAF 0.17 does not answer promises of a dead actor.
  void on_exit() override {
    for (auto& [serial, fail] : waiting_)
      fail({errc::tracker_gone, "the status request actor has ended"});
    waiting_.clear();
  }

private:
  static std::string to_json_error(const failure& why) {
    const nlohmann::json answer{
      {"error", {{"code", to_string(why.code)}, {"message", why.text}}}};
    return answer.dump(-1, ' ', false,
                       nlohmann::json::error_handler_t::replace);
  }

  using fail_function = std::function<void(const failure&)>;

  // Ends in exactly one call of `reply` or `fail`.
  template <class Reply>
  void look(const get_status& x, Reply reply, fail_function fail) {
    microseconds patience = timeout_;
    if (x.deadline)
      patience = std::min(patience, *x.deadline - clock_.wall());
    if (patience <= microseconds::zero()) {
      fail({errc::deadline_passed,
            "deadline: " + to_string(*x.deadline) + " has passed"});
      return;
    }
    if (waiting_.size() >= max_waiting) {
      fail({errc::overloaded, "too many status requests wait"});
      return;
    }
    const auto serial = ++last_serial_;
    waiting_.emplace(serial, std::move(fail));
    waybill::request(this, tracker_, patience, x)
      .then(
        [this, serial, reply](const status_reply& found) mutable {
          waiting_.erase(serial);
          reply(found);
        },
        [this, serial](const caf::error& e) {
          waiting_.extract(serial).mapped()(to_failure(e));
        });
  }

  tracking_actor tracker_;
  microseconds timeout_;
  time_source clock_;
  std::uint64_t last_serial_ = 0;
  std::unordered_map<std::uint64_t, fail_function> waiting_;
};

} // namespace

status_request_actor spawn_status_request_actor(caf::actor_system& system,
                                                tracking_actor tracker,
                                                const options& x) {
  return system.spawn<status_request_actor_impl>(std::move(tracker), x);
}

} // namespace waybill
