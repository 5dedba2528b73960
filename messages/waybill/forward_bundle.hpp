// Several calls for a store-and-forward actor in one message.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "waybill/forward_messages.hpp"
#include "waybill/request_bundle.hpp"

namespace waybill {

struct forward_bundle_reply;

/// Calls of one sender, taken in this order. Each is a `forward_call` of its
/// own in all but the message that carries it: one that is refused says nothing
/// about the others. Only what may wait for the actor takes all of them or
/// none: there may be `forward_options::max_heads` in it at most, with
/// `max_waiting_bytes` of text.
struct forward_bundle {
  std::vector<forward_call> calls;

  bool operator==(const forward_bundle&) const = default;
  using reply = forward_bundle_reply;
  static constexpr const char* type_name = "forward_bundle";
  static constexpr auto fields() {
    return std::tuple{field{"calls", &forward_bundle::calls}};
  }
};

/// What a call of a bundle was that is a `duplicate`.
struct bundled_duplicate {
  /// The call's place in the bundle, from 0.
  std::uint32_t place = 0;
  purged_operation purged;

  bool operator==(const bundled_duplicate&) const = default;
  static constexpr const char* type_name = "bundled_duplicate";
  static constexpr auto fields() {
    return std::tuple{field{"place", &bundled_duplicate::place},
                      field{"purged", &bundled_duplicate::purged}};
  }
};

/// What became of each call; sent when all that were taken are durable.
struct forward_bundle_reply {
  /// For each call its forward_outcome; `failed` for one that was refused.
  std::vector<std::uint8_t> outcomes;
  /// One for each `failed`, ordered by place.
  std::vector<bundled_failure> failures;
  /// One for each `duplicate`, ordered by place.
  std::vector<bundled_duplicate> duplicates = {};

  static constexpr std::uint8_t failed = 255;

  bool operator==(const forward_bundle_reply&) const = default;
  static constexpr const char* type_name = "forward_bundle_reply";
  static constexpr auto fields() {
    using self = forward_bundle_reply;
    return std::tuple{field{"outcomes", &self::outcomes},
                      field{"failures", &self::failures},
                      field{"duplicates", &self::duplicates}};
  }
};

} // namespace waybill
