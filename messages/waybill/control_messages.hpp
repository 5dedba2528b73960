// What actors say to themselves and owners to their actors.
#pragma once

#include <cstdint>
#include <tuple>

#include "waybill/field_list.hpp"

namespace waybill {

/// Ends the open batch, if it is still number `batch`.
struct commit_tick {
  std::int64_t batch = 0;
  /// When it was sent, in µs of the steady clock.
  std::int64_t sent_us = 0;
  bool operator==(const commit_tick&) const = default;
  static constexpr const char* type_name = "commit_tick";
  static constexpr auto fields() {
    return std::tuple{field{"batch", &commit_tick::batch},
                      field{"sent_us", &commit_tick::sent_us}};
  }
};

/// Do the periodic or pending work number `serial`.
struct work_tick {
  std::int64_t serial = 0;
  bool operator==(const work_tick&) const = default;
  static constexpr const char* type_name = "work_tick";
  static constexpr auto fields() {
    return std::tuple{field{"serial", &work_tick::serial}};
  }
};

/// Try to bring failed storage back.
struct recovery_tick {
  bool operator==(const recovery_tick&) const = default;
  static constexpr const char* type_name = "recovery_tick";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Answer what has been admitted, admit nothing more, close and quit.
struct shut_down {
  bool operator==(const shut_down&) const = default;
  static constexpr const char* type_name = "shut_down";
  static constexpr auto fields() { return std::tuple{}; }
};

/// All that was queued before `shut_down` has been answered.
struct drained {
  bool operator==(const drained&) const = default;
  static constexpr const char* type_name = "drained";
  static constexpr auto fields() { return std::tuple{}; }
};

} // namespace waybill
