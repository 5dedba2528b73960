// A store-and-forward actor between a scripted tracker and a scripted target.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/actors.hpp"
#include "support/scripted_target.hpp"
#include "support/scripted_tracker.hpp"

namespace waybill::test {

/// Call number `n`, with a value in each field.
inline forward_call call(std::uint64_t n) {
  const auto x = enqueue(n);
  return {.id = x.id,
          .kind = x.kind,
          .target_summary = x.target_summary,
          .source_instance_id = x.source_instance_id,
          .source_script = x.source_script,
          .source_node = x.source_node,
          .payload = "payload " + std::to_string(n)};
}

/// A target that takes calls that have been requeued, and refuses all others
/// for good.
/// @param attempts counts all; outlives what is returned.
inline auto takes_requeued_calls(std::atomic<int>& attempts) {
  return [&attempts](const delivery& x) {
    ++attempts;
    return x.id == x.idempotency_key
             ? delivery_result{.what = delivery_result::kind::permanent,
                               .error = "400"}
             : delivery_result{};
  };
}

inline std::vector<forward_call> calls(std::uint64_t count) {
  std::vector<forward_call> all;
  for (std::uint64_t n = 1; n <= count; ++n)
    all.push_back(call(n));
  return all;
}

inline discard give_up(std::uint64_t n) {
  return {.id = id_of(n), .reason = "no longer wanted"};
}

/// Options for tests: hardly any waits, and no breaker.
inline forward_options quick() {
  forward_options x;
  x.breaker_failure_ratio = 0;
  x.first_delay = 1ms;
  x.max_delay = 4ms;
  return x;
}

/// Options for tests in which a call, once failed, waits for ever.
inline forward_options patient() {
  auto x = quick();
  x.first_delay = std::chrono::hours{1};
  x.max_delay = std::chrono::hours{1};
  return x;
}

/// A config whose actors share one thread, unless they are detached.
struct one_thread_config : actor_config {
  one_thread_config() {
    // In the words of CAF 0.17 and of CAF 1.
    read_config(*this, "scheduler { max-threads = 1 }\n"
                       "caf { scheduler { max-threads = 1 } }\n");
  }
};

/// Tells when an actor has ended.
class end_watch {
public:
  template <class Handle>
  explicit end_watch(const Handle& actor) {
    actor->attach_functor(
      [ended = ended_](const caf::error&) { *ended = true; });
  }

  [[nodiscard]] bool ended_within(std::chrono::milliseconds limit) const {
    return eventually([this] { return ended_->load(); }, limit);
  }

private:
  std::shared_ptr<std::atomic<bool>> ended_
    = std::make_shared<std::atomic<bool>>(false);
};

struct forward_fixture : actor_fixture {
  std::shared_ptr<tracker_script> script = std::make_shared<tracker_script>();
  scripted_tracker tracker = system.spawn<scripted_tracker_impl>(script);
  scripted_target target;
  fake_clock clock;
  std::vector<store_and_forward_actor> forwarders;

  ~forward_fixture() {
    target.open();
    for (const auto& x : forwarders)
      kill(x);
    kill(tracker);
  }

  store_and_forward_actor spawn(forward_options x = quick()) {
    x.target = "plant";
    forwarders.push_back(spawn_store_and_forward(
      system, tracker, x, target.function(), heard.function()));
    return forwarders.back();
  }

  /// The same options with `clock`, which stands still; see `pass`.
  [[nodiscard]] forward_options by_clock(forward_options x) const {
    x.clock = clock.source();
    return x;
  }

  /// Returns when the actor has dealt with all that it has been sent.
  void settle(const store_and_forward_actor& actor) {
    get(actor, get_backlog{}); // lines up behind it
  }

  /// Time passes, and the actor does what is due; what the tracker had to
  /// answer before has been heard.
  void pass(const store_and_forward_actor& actor, std::chrono::microseconds d) {
    get(tracker, get_health{});
    settle(actor);
    clock.advance(d);
    error_of(actor, forward_call{}); // any message makes it look at the clock
    settle(actor);
  }

  template <class Handle>
  void kill(const Handle& actor) {
    caf::scoped_actor self{system};
    self->send_exit(actor, caf::exit_reason::kill);
  }

  /// The same; returns when it has ended.
  template <class Handle>
  void kill_and_wait(const Handle& actor) {
    const end_watch watch{actor};
    kill(actor);
    REQUIRE(watch.ended_within(10s));
  }

  template <class Handle, class Message>
  void say(const Handle& to, Message x) {
    caf::scoped_actor self{system};
    tell(self, to, std::move(x));
  }

  /// Sends from a thread that waits for the answer; returns when the actor has
  /// dealt with the request, answered or not.
  template <class Request>
  std::future<outcome_of<typename Request::reply>>
  later(const store_and_forward_actor& to, Request x) {
    std::promise<void> sent;
    auto answer = std::async(std::launch::async, [this, to, x, &sent] {
      return send_all(system, to, std::vector{x}, [&] { sent.set_value(); })
        .front();
    });
    sent.get_future().wait();
    settle(to);
    return answer;
  }

  /// The reports of one operation, in order.
  [[nodiscard]] std::vector<std::string> reports_of(std::uint64_t n) const {
    std::vector<std::string> lines;
    for (const auto& line : script->log()) {
      const auto at = line.find(' ') + 1;
      if ((line + " ")
            .compare(at, std::to_string(n).size() + 1, std::to_string(n) + " ")
          == 0)
        lines.push_back(line);
    }
    return lines;
  }

  bool ends_as(std::uint64_t n, tracking_status status) {
    return eventually([&] { return script->status(n) == status; });
  }

  bool all_done(const store_and_forward_actor& actor,
                std::chrono::milliseconds limit = 10s) {
    return eventually([&] { return get(actor, get_backlog{}).calls == 0; },
                      limit);
  }
};

using lines = std::vector<std::string>;

} // namespace waybill::test
