// A client that has many requests open at a time and takes the answers in the
// order of the requests.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "waybill/tracking_client.hpp"

namespace waybill::test {

/// All that a tracker is asked about operations.
using any_request
  = std::variant<record_enqueue, record_attempt, record_terminal, get_status,
                 purge_terminal, get_counts>;

/// What it answers.
using any_reply = std::variant<failure, enqueue_reply, update_reply,
                               status_reply, purge_reply, counts_reply>;

/// How requests go: a message each, or bundled by the library's client side.
enum class way : std::uint8_t { messages, bundles };

/// Every other one of them bundles.
constexpr way way_of(std::uint64_t n) noexcept {
  return n % 2 == 0 ? way::messages : way::bundles;
}

class pipeline {
public:
  pipeline(caf::actor_system& system, tracking_actor to,
           way how = way::messages,
           std::chrono::nanoseconds timeout = std::chrono::seconds{30})
    : self_{system}, to_{std::move(to)}, timeout_{timeout} {
    if (how == way::bundles)
      client_ = std::make_unique<blocking_tracking_client>(
        system, to_, tracking_client_options{.timeout = timeout});
  }

  /// How long the messages from now on may take; not the bundles.
  void set_timeout(std::chrono::nanoseconds timeout) { timeout_ = timeout; }

  /// Sends `x`, which is still owed an answer then.
  void send(const any_request& x) {
    std::visit(
      [this](const auto& request) {
        using request_type = std::decay_t<decltype(request)>;
        if (client_) {
          if constexpr (fits_into_bundle<request_type>) {
            bundle(request);
            return;
          }
          client_->wait_all(); // it would overtake them
        }
        open_.emplace_back(pending<request_type>{
          self_.request(to_, timeout_, request_type{request})});
      },
      x);
  }

  /// The number of requests that are owed an answer.
  [[nodiscard]] std::size_t open() const { return open_.size(); }

  /// Waits for the answer of the oldest one of them.
  any_reply receive() {
    auto oldest = std::move(open_.front());
    open_.pop_front();
    if (auto* const slot = std::get_if<bundled>(&oldest)) {
      while (!**slot)
        client_->wait();
      return std::move(***slot);
    }
    any_reply reply;
    std::visit(
      [&]<class Pending>(Pending& x) {
        if constexpr (!std::is_same_v<Pending, bundled>)
          std::move(x.answer).receive(
            [&](typename Pending::reply& answer) { reply = std::move(answer); },
            [&](const caf::error& e) { reply = to_failure(e); });
      },
      oldest);
    return reply;
  }

private:
  template <class Request>
  using handle_of = decltype(std::declval<blocking_sender&>().request(
    std::declval<const tracking_actor&>(), std::chrono::nanoseconds{},
    std::declval<Request>()));

  template <class Request>
  struct pending {
    using reply = typename Request::reply;
    handle_of<Request> answer;
  };

  // Where the outcome of a request in a bundle goes.
  using bundled = std::shared_ptr<std::optional<any_reply>>;

  template <class Request>
  static constexpr bool fits_into_bundle
    = !std::is_same_v<Request,
                      purge_terminal> && !std::is_same_v<Request, get_counts>;

  template <class Request>
  void bundle(const Request& x) {
    auto slot = std::make_shared<std::optional<any_reply>>();
    open_.emplace_back(slot);
    client_->ask(x, [slot](outcome<typename Request::reply> y) {
      if (y.reply)
        *slot = std::move(*y.reply);
      else
        *slot = std::move(y.why);
    });
  }

  using any_pending
    = std::variant<bundled, pending<record_enqueue>, pending<record_attempt>,
                   pending<record_terminal>, pending<get_status>,
                   pending<purge_terminal>, pending<get_counts>>;

  blocking_sender self_;
  tracking_actor to_;
  std::chrono::nanoseconds timeout_;
  std::deque<any_pending> open_;
  std::unique_ptr<blocking_tracking_client> client_;
};

} // namespace waybill::test
