// A running tracker on a scratch file, and clients that push it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "waybill/ask.hpp"
#include "waybill/service.hpp"

namespace waybill::test {

using namespace std::chrono_literals;

/// Keeps notices instead of printing them.
class notices {
public:
  [[nodiscard]] notice_function function() const {
    return [state = state_](severity, const std::string& text) {
      const std::lock_guard guard{state->mutex};
      state->texts.push_back(text);
    };
  }

  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard guard{state_->mutex};
    return state_->texts;
  }

  [[nodiscard]] bool contain(const std::string& part) const {
    for (const auto& text : all())
      if (text.find(part) != std::string::npos)
        return true;
    return false;
  }

private:
  struct state {
    std::mutex mutex;
    std::vector<std::string> texts;
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

/// An actor system with a scratch folder for the stores in it.
struct actor_fixture {
  temp_dir dir;
  notices heard;
  actor_config config;
  caf::actor_system system{config};

  [[nodiscard]] options make_options() const {
    options x;
    x.file = dir / "track.db";
    x.on_notice = heard.function();
    return x;
  }

  template <class Handle, class Request>
  typename Request::reply get(const Handle& to, Request x) {
    return ask(system, to, std::move(x), 10s);
  }

  /// The code that the request fails with; the test fails if it does not.
  template <class Handle, class Request>
  errc error_of(const Handle& to, Request x) {
    try {
      ask(system, to, std::move(x), 10s);
    } catch (const request_error& e) {
      return e.code();
    }
    FAIL("the request should have failed");
    return {};
  }
};

/// Lets `config` read what a host has in its config file.
inline void read_config(caf::actor_system_config& config,
                        const std::string& text) {
  std::istringstream file{text};
  std::string program = "host";
  char* argv[] = {program.data()};
  REQUIRE_FALSE(config.parse(1, argv, file));
}

/// The actor that runs behind a service's handle, which lets nobody end it:
/// answers come from there. Asks until one comes: among many requests it may be
/// refused, and whoever is none could not be ended.
template <class Handle, class Request>
caf::actor actor_behind(caf::actor_system& system, const Handle& gate,
                        const Request& question) {
  caf::scoped_actor self{system};
  caf::strong_actor_ptr sender;
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (!sender) {
    waybill::request(self, gate, 10s, Request{question})
      .receive(
        [&](const typename Request::reply&) {
          sender = self->current_sender();
        },
        [&](const caf::error&) {
          if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error{"no actor answers behind the handle"};
        });
  }
  return caf::actor_cast<caf::actor>(sender);
}

inline caf::actor tracker_behind(caf::actor_system& system,
                                 const tracking_actor& gate) {
  return actor_behind(system, gate, get_counts{});
}

/// Kills it.
inline void kill_tracker_behind(caf::actor_system& system,
                                const tracking_actor& gate) {
  caf::anon_send_exit(tracker_behind(system, gate), caf::exit_reason::kill);
}

/// Waits until `f()` holds, at most `limit`.
template <class F>
bool eventually(F&& f, std::chrono::milliseconds limit = 30s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!f()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// One reply or error of many.
template <class Reply>
struct outcome_of {
  std::optional<Reply> reply;
  std::optional<failure> error;
};

/// Sends all `requests` at once, in order, and waits for all answers.
/// @returns the outcomes in request order; one without either was not answered
///          within 10 s.
template <class Request, class Handle>
std::vector<outcome_of<typename Request::reply>> send_all(
  caf::actor_system& system, const Handle& to, std::vector<Request> requests,
  const std::function<void()>& after_sending = [] {}) {
  using reply_type = typename Request::reply;
  caf::scoped_actor self{system};
  std::vector<outcome_of<reply_type>> outcomes(requests.size());
  using handle_type
    = decltype(waybill::request(self, to, 10s, std::move(requests[0])));
  std::vector<handle_type> pending;
  pending.reserve(requests.size());
  for (auto& x : requests)
    pending.push_back(waybill::request(self, to, 10s, std::move(x)));
  after_sending();
  for (std::size_t i = 0; i < pending.size(); ++i)
    std::move(pending[i])
      .receive([&](reply_type& x) { outcomes[i].reply = std::move(x); },
               [&](const caf::error& e) { outcomes[i].error = to_failure(e); });
  return outcomes;
}

} // namespace waybill::test
