// Bundles what is asked while earlier requests are under way: what the clients
// for actors and for threads have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "waybill/protocol.hpp"

namespace waybill {

/// What became of one request: its reply, or why there is none.
template <class Reply>
struct outcome {
  std::optional<Reply> reply;
  /// Without a reply. `certainty_of(why.code)` says whether the request may be
  /// stored all the same.
  failure why;
};

template <class Request>
using outcome_handler = std::function<void(outcome<typename Request::reply>)>;

struct tracking_client_options {
  /// How long a request may take, from `ask` on, the time that it waits in the
  /// client included; a year at most. Past it the outcome is `timed_out`, a
  /// sixteenth of it later at most: the requests of a message time out
  /// together.
  std::chrono::nanoseconds timeout = std::chrono::seconds{10};
  /// How many messages may be open at a time, one at least. What is asked past
  /// that waits and goes together.
  std::size_t max_open_bundles = 2;
  /// Requests in a message, and about how many bytes of text; the latter is
  /// exceeded by one request at most.
  std::size_t max_bundle = 512;
  std::int64_t max_bundle_bytes = 262'144;
};

/// The requests of one sender, in order, on their way to the tracker.
class request_pipeline {
public:
  /// The handlers of a bundle's requests, in order.
  using handler = std::variant<std::function<void(outcome<enqueue_reply>)>,
                               std::function<void(outcome<update_reply>)>,
                               std::function<void(outcome<status_reply>)>>;
  using handlers = std::vector<handler>;

  using steady_time = std::chrono::steady_clock::time_point;

  /// Sends a bundle that fails with `timed_out` after `timeout`; its end is
  /// told by `answered` or `failed`, with the same handlers.
  using send_function
    = std::function<void(request_bundle, std::shared_ptr<handlers>,
                         std::chrono::nanoseconds timeout)>;

  /// @param now a clock that never jumps; tests have their own.
  request_pipeline(tracking_client_options x, send_function send,
                   std::function<steady_time()> now
                   = &std::chrono::steady_clock::now);

  /// `f` may be empty. It is not called in here.
  template <class Request>
  void ask(Request x, outcome_handler<Request> f) {
    auto& last = bundle_for(weight_of(x));
    last.to->emplace_back(std::move(f));
    last.requests.add(std::move(x));
    ++num_open_;
    pump(false);
  }

  /// Calls the handlers of a bundle that has ended, and those of requests whose
  /// time is up before they could be sent: each once, whatever others throw.
  /// @throws what a handler throws, the first one that does; all else is done
  ///         then.
  void answered(handlers& to, bundle_reply& reply);
  void failed(handlers& to, const failure& why);

  /// While held, requests only wait.
  void hold() noexcept { ++holds_; }
  void release();

  /// Sends what waits also while it is held.
  void flush() { pump(true); }

  /// Requests without an outcome yet.
  [[nodiscard]] std::size_t num_open() const noexcept { return num_open_; }

private:
  struct bundle {
    request_bundle requests;
    std::shared_ptr<handlers> to;
    std::int64_t bytes = 0;
    // When the first of its requests was made, and the time of the last is up.
    steady_time begun;
    steady_time due;
  };

  class handler_calls;

  static std::int64_t weight_of(const record_enqueue& x) noexcept;
  static std::int64_t weight_of(const record_attempt& x) noexcept;
  static std::int64_t weight_of(const record_terminal& x) noexcept;
  static std::int64_t weight_of(const get_status& x) noexcept;

  bundle& bundle_for(std::int64_t bytes);
  [[nodiscard]] bool may_send(bool although_held) const noexcept;
  void pump(bool although_held);
  template <class Tell>
  void tell_all(handlers& to, handler_calls& calls, Tell tell);
  template <class Tell>
  void end(handlers& to, Tell tell);
  void end_late(handler_calls& calls);

  tracking_client_options options_;
  std::function<steady_time()> now_;
  // Admission takes a bundle whole or not at all: under overload smaller ones
  // get in.
  std::size_t bundle_limit_;
  send_function send_;
  std::deque<bundle> waiting_;
  std::size_t num_bundles_open_ = 0;
  std::size_t num_sent_ = 0; // requests in open bundles
  std::size_t num_open_ = 0;
  std::size_t holds_ = 0;
};

/// Keeps a client from sending until the end of a scope; what is asked in it
/// goes together.
class cork {
public:
  explicit cork(request_pipeline& x) noexcept : pipeline_{&x} {
    pipeline_->hold();
  }
  ~cork() { pipeline_->release(); }
  cork(const cork&) = delete;
  cork& operator=(const cork&) = delete;

private:
  request_pipeline* pipeline_;
};

} // namespace waybill
