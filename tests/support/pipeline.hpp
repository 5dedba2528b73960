// A client that has many requests open at a time and takes the answers in the
// order of the requests.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <utility>
#include <variant>

#include "waybill/protocol.hpp"

namespace waybill::test {

/// All that a tracker is asked about operations.
using any_request
  = std::variant<record_enqueue, record_attempt, record_terminal, get_status,
                 purge_terminal, get_counts>;

/// What it answers.
using any_reply = std::variant<failure, enqueue_reply, update_reply,
                               status_reply, purge_reply, counts_reply>;

class pipeline {
public:
  pipeline(caf::actor_system& system, tracking_actor to,
           std::chrono::nanoseconds timeout = std::chrono::seconds{30})
    : self_{system}, to_{std::move(to)}, timeout_{timeout} {}

  /// How long the requests from now on may take.
  void set_timeout(std::chrono::nanoseconds timeout) { timeout_ = timeout; }

  /// Sends `x`, which is still owed an answer then.
  void send(const any_request& x) {
    std::visit(
      [this](const auto& request) {
        using request_type = std::decay_t<decltype(request)>;
        open_.emplace_back(pending<request_type>{
          waybill::request(self_, to_, timeout_, request_type{request})});
      },
      x);
  }

  /// The number of requests that are owed an answer.
  [[nodiscard]] std::size_t open() const { return open_.size(); }

  /// Waits for the answer of the oldest one of them.
  any_reply receive() {
    auto oldest = std::move(open_.front());
    open_.pop_front();
    any_reply reply;
    std::visit(
      [&]<class Request>(pending<Request>& x) {
        using reply_type = typename Request::reply;
        std::move(x.answer).receive(
          [&](reply_type& answer) { reply = std::move(answer); },
          [&](const caf::error& e) { reply = to_failure(e); });
      },
      oldest);
    return reply;
  }

private:
  template <class Request>
  using handle_of = decltype(waybill::request(
    std::declval<caf::scoped_actor&>(), std::declval<const tracking_actor&>(),
    std::chrono::nanoseconds{}, std::declval<Request>()));

  template <class Request>
  struct pending {
    handle_of<Request> answer;
  };

  using any_pending
    = std::variant<pending<record_enqueue>, pending<record_attempt>,
                   pending<record_terminal>, pending<get_status>,
                   pending<purge_terminal>, pending<get_counts>>;

  caf::scoped_actor self_;
  tracking_actor to_;
  std::chrono::nanoseconds timeout_;
  std::deque<any_pending> open_;
};

} // namespace waybill::test
