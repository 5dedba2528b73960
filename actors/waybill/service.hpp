// Bootstrap: one call starts everything in a host's own actor system.
#pragma once

#include <memory>

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"
#include "waybill/store_and_forward.hpp"

namespace waybill {

/// The owner of a running tracker and its actors. Only its `stop()` ends them:
/// exit messages and `shut_down` of others who hold their handles are dropped,
/// as are all messages that are not theirs.
///
/// Must be destroyed or stopped before its actor system is. A host may have
/// several, each on a file of its own.
class service {
public:
  service(service&&) noexcept;
  service& operator=(service&&) noexcept;

  /// Calls `stop()`.
  ~service();

  /// The tracker. The handle stays valid: a tracker that dies is started again
  /// behind it, and answers `not_stored` until it runs, after a pause of 20 ms
  /// to 5 s. After `stop()` it answers `stopped`.
  [[nodiscard]] const tracking_actor& tracker() const noexcept;

  /// Answers questions about single operations in time. The handle stays valid:
  /// an actor that dies is started again behind it, and answers `tracker_gone`
  /// until it runs. So it does after `stop()`.
  [[nodiscard]] const status_request_actor& status_requests() const noexcept;

  /// Starts a store-and-forward actor that `stop()` ends.
  /// @throws store_error `invalid_options`.
  store_and_forward_actor spawn_store_and_forward(forward_options options,
                                                  deliver_function deliver);

  /// Ends everything in order: store-and-forward actors finish the attempts
  /// that are running, the tracker answers and commits what it has admitted,
  /// checkpoints and closes the file. Calling it again does nothing. Must not
  /// be called from an actor.
  /// @returns false if not all of that was done; `on_notice` has been told why.
  ///          If `stop_timeout` passed first, what was left has been killed,
  ///          and its requests answered with an error. A system call of the
  ///          disk that hangs cannot be ended: the tracker's answers, and the
  ///          end of the actor system, come behind it then. If the last
  ///          checkpoint failed (the disk is full, say), nothing is lost: the
  ///          log was left beside the file, and the next start goes on from
  ///          both. It is none if a reader keeps the log, and is not tried on
  ///          storage that has failed before.
  bool stop();

private:
  friend service start(caf::actor_system&, options);

  class impl;
  explicit service(std::unique_ptr<impl> x) noexcept;
  std::unique_ptr<impl> impl_;
};

/// Opens the store and starts the tracker, the retention and the status request
/// actors. Call `register_types` (or use `actor_config`) before creating
/// `system`.
/// @throws store_error `invalid_options` or what opening the store throws;
///         nothing runs then. std::logic_error if the types are not registered,
///         std::system_error if a thread is not to be had.
service start(caf::actor_system& system, options x);

/// The same with the options of the section `waybill { … }` of `system`'s
/// config.
service start(caf::actor_system& system);

} // namespace waybill
