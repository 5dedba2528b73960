// The client side: many requests under way at little cost, for actors and for
// threads.
//
// A request that is alone goes at once. Requests that are made while others are
// under way wait for an answer and then go together, in one message that is
// answered by one message; the more there is to do, the less each request
// costs. Nothing else changes: requests are applied in the order in which they
// were made, each ends in an outcome of its own, has its own deadline and
// counts for itself in what may wait for the tracker. Only when the tracker is
// overloaded are all requests of a message refused, and the next messages are
// smaller. If the tracker dies, the outcome of all that is under way is
// unknown.
//
// A handler may throw. All others are called nevertheless, and the client stays
// as it should be; then the exception goes on to whom called it: out of
// `wait()`, or to CAF, which ends the actor with it. If several handlers throw
// on one message's answer, that is the first exception.
#pragma once

#include <memory>
#include <utility>

#include "waybill/request_pipeline.hpp"

namespace waybill {

/// A part of an actor that asks the tracker for it. Must live as long as the
/// actor can still get answers; outcomes that come later are dropped. An actor
/// that ends only because nobody refers to it any more may live for the
/// client's timeout longer: CAF 0.17 keeps it for the open timeouts. End it
/// with quit() or an exit message.
///
///   class my_actor : … {
///     …
///     tracking_client<my_actor> tracker_{this, tracker};
///     …
///     tracker_.ask(record_enqueue{…}, [this](outcome<enqueue_reply> x) {
///       if (x.reply) …
///     });
template <class Self>
class tracking_client {
public:
  tracking_client(Self* self, tracking_actor tracker,
                  tracking_client_options x = {})
    : self_{self},
      tracker_{std::move(tracker)},
      pipeline_{x, [this](request_bundle what, const auto& to,
                          std::chrono::nanoseconds timeout) {
                  send(std::move(what), to, timeout);
                }} {}

  tracking_client(const tracking_client&) = delete;
  tracking_client& operator=(const tracking_client&) = delete;

  /// Makes a request: record_enqueue, record_attempt, record_terminal or
  /// get_status. `f`, which may be empty, is called once, by the actor, with
  /// its outcome. Requests that are made in `f` go together.
  template <class Request>
  void ask(Request x, outcome_handler<Request> f) {
    pipeline_.ask(std::move(x), std::move(f));
  }

  /// Requests made while the result lives go together at its end; their time
  /// runs meanwhile.
  [[nodiscard]] cork hold() { return cork{pipeline_}; }

  /// Requests without an outcome yet.
  [[nodiscard]] std::size_t num_open() const noexcept {
    return pipeline_.num_open();
  }

private:
  void send(request_bundle what,
            const std::shared_ptr<request_pipeline::handlers>& to,
            std::chrono::nanoseconds timeout) {
    waybill::request(self_, tracker_, timeout, std::move(what))
      .then([this, to](bundle_reply& x) { pipeline_.answered(*to, x); },
            [this, to](const caf::error& e) {
              pipeline_.failed(*to, to_failure(e));
            });
  }

  Self* self_;
  tracking_actor tracker_;
  request_pipeline pipeline_;
};

/// The same for one thread that is no actor: handlers are called in `wait()`.
class blocking_tracking_client {
public:
  blocking_tracking_client(caf::actor_system& system, tracking_actor tracker,
                           tracking_client_options x = {});
  ~blocking_tracking_client();
  blocking_tracking_client(const blocking_tracking_client&) = delete;
  blocking_tracking_client& operator=(const blocking_tracking_client&) = delete;

  /// See tracking_client. `f` is called in `wait()` and may make requests.
  template <class Request>
  void ask(Request x, outcome_handler<Request> f) {
    pipeline().ask(std::move(x), std::move(f));
  }

  [[nodiscard]] cork hold() { return cork{pipeline()}; }

  [[nodiscard]] std::size_t num_open() const noexcept;

  /// Waits until some open requests have their outcomes; sends those that are
  /// held if there are no others. Does nothing if none is open.
  /// @throws what a handler throws.
  void wait();

  /// Waits until all have, those too that handlers make meanwhile.
  /// @throws what a handler throws; call it again for the others.
  void wait_all();

private:
  request_pipeline& pipeline() noexcept;

  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace waybill
