// What a store-and-forward actor and the workers that deliver for it say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "waybill/forward_messages.hpp"

namespace waybill {

/// A call as the store hands it out for an attempt.
struct outgoing_call {
  delivery call; // its payload as it is stored
  /// How that is encoded.
  std::optional<std::string> codec;
};

/// The attempt at place number `worker` has ended.
struct delivery_done {
  std::int64_t worker = 0;
  delivery_result result;
  /// False: the payload could not be decoded, and the target knows nothing of
  /// it; `result.error` says why.
  bool made = true;

  static constexpr const char* type_name = "delivery_done";
  static constexpr auto fields() {
    return std::tuple{field{"worker", &delivery_done::worker},
                      field{"result", &delivery_done::result},
                      field{"made", &delivery_done::made}};
  }
};

} // namespace waybill
