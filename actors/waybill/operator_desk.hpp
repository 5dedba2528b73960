// Asks a running service what operators' programs ask on its socket.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "waybill/protocol.hpp"

namespace waybill {

struct known_forwarder {
  std::string target;
  store_and_forward_actor actor;
};

/// The store-and-forward actors of a service. Thread-safe.
class forwarder_list {
public:
  void add(known_forwarder x) {
    const std::lock_guard guard{mutex_};
    all_.push_back(std::move(x));
  }

  [[nodiscard]] std::vector<known_forwarder> all() const {
    const std::lock_guard guard{mutex_};
    return all_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<known_forwarder> all_;
};

/// Called once, by any thread, with an answer's line without its end.
using operator_answer = std::function<void(std::string line)>;

/// Sees that what a line asks is done and answered; see operator_messages.hpp.
/// An actor of its own does that for each, and answers however it ends.
/// Thread-safe.
/// @param user whose program has sent it.
void answer_operator(caf::actor_system& system, const tracking_actor& tracker,
                     const forwarder_list& forwarders, const std::string& line,
                     uid_t user, operator_answer answer);

} // namespace waybill
