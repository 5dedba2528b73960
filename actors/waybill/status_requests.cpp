#include "waybill/status_requests.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "waybill/caf_interception.hpp"
#include "waybill/json.hpp"
#include "waybill/request_admission.hpp"
#include "waybill/request_checks.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;

// Far more than any question needs; a parsed text takes many times its size.
constexpr std::size_t max_text = 4'096;

// A question that came in time has time to be answered.
constexpr microseconds least_patience = std::chrono::milliseconds{10};

std::string to_json_error(const failure& why) {
  const nlohmann::json answer{
    {"error", {{"code", to_string(why.code)}, {"message", why.text}}}};
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class status_request_actor_impl : public gated<status_request_actor::base> {
public:
  using super = gated<status_request_actor::base>;

  status_request_actor_impl(caf::actor_config& config, tracking_actor tracker,
                            const options& x, std::function<bool()> may_end)
    : super{config},
      tracker_{std::move(tracker)},
      mailbox_{x.max_waiting_requests, x.max_waiting_bytes},
      timeout_{x.status_timeout},
      clock_{x.clock},
      may_end_{std::move(may_end)} {}

  const char* name() const override { return "waybill.status_requests"; }

  behavior_type make_behavior() override {
    return {
      [this](const get_status& x) {
        auto to = this->make_response_promise<status_reply>();
        const auto bytes = weight(x);
        look(
          x,
          [this, to, bytes](const status_reply& reply) mutable {
            mailbox_.leave(bytes);
            to.deliver(reply);
          },
          [this, to, bytes](const failure& why) mutable {
            mailbox_.leave(bytes);
            to.deliver(to_error(why.code, why.text));
          });
        return to;
      },
      [this](const std::string& text) {
        auto to = this->make_response_promise<std::string>();
        const auto bytes = weight(text);
        const fail_function fail = [this, to,
                                    bytes](const failure& why) mutable {
          mailbox_.leave(bytes);
          to.deliver(to_json_error(why));
        };
        if (text.size() > max_text) {
          fail({errc::invalid_request,
                "is no question of at most " + std::to_string(max_text)
                  + " bytes, but of " + std::to_string(text.size())});
          return to;
        }
        get_status question;
        try {
          question = from_json_text<get_status>(text);
        } catch (const json_error& e) {
          fail({errc::invalid_request, e.what()});
          return to;
        }
        look(
          question,
          [this, to, bytes](const status_reply& reply) mutable {
            mailbox_.leave(bytes);
            to.deliver(to_json_text(reply));
          },
          fail);
        return to;
      },
    };
  }

  // CAF 0.17 does not answer promises of a dead actor.
  void on_exit() override {
    mailbox_.stop();
    for (auto& [serial, fail] : waiting_)
      fail(has_ended());
    waiting_.clear();
  }

protected:
  [[nodiscard]] bool may_end() const override { return may_end_(); }

  // In the sender's thread: touches nothing but mailbox_.
  std::optional<caf::message> refuse(const content_view& content) override {
    const auto refusal = [&](const failure& why) {
      return as<std::string>(content) != nullptr
               ? caf::make_message(to_json_error(why))
               : caf::make_message(to_error(why.code, why.text));
    };
    switch (admit(requests_of<status_request_actor>{}, content, mailbox_)) {
      case admission::verdict::overloaded:
        return refusal({errc::overloaded, "too many status requests wait"});
      case admission::verdict::stopped:
        return refusal(has_ended());
      default:
        return std::nullopt;
    }
  }

private:
  static failure has_ended() {
    return {errc::tracker_gone, "the status request actor has ended"};
  }

  using fail_function = std::function<void(const failure&)>;

  // Ends in exactly one call of `reply` or `fail`, which count the question
  // out.
  template <class Reply>
  void look(const get_status& x, Reply reply, fail_function fail) {
    microseconds patience = timeout_;
    try { // as the tracker has it
      require_valid(x);
      if (x.deadline) {
        const auto now = clock_.wall_or_system();
        require_in_time(x, now);
        patience = std::min(patience,
                            std::max(*x.deadline - now, least_patience));
      }
    } catch (const store_error& why) {
      fail({why.code(), why.what()});
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
  admission mailbox_;
  microseconds timeout_;
  time_source clock_;
  const std::function<bool()> may_end_;
  std::uint64_t last_serial_ = 0;
  std::unordered_map<std::uint64_t, fail_function> waiting_;
};

} // namespace

status_request_actor spawn_status_request_actor(caf::actor_system& system,
                                                tracking_actor tracker,
                                                const options& x,
                                                std::function<bool()> may_end) {
  return spawn_detached<status_request_actor_impl>(system, std::move(tracker),
                                                   x, std::move(may_end));
}

} // namespace waybill
