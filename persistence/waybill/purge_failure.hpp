// What is told of a purge that fails on its way.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/store_error.hpp"

namespace waybill {

/// A purge has its steps one after the other. If none of them stands, it is as
/// any request: `e` says what has become of it. Else it can be said neither
/// that it was done nor that nothing was.
/// @param deleted rows, by the steps that stand.
inline store_error purge_failure(std::int64_t deleted, const store_error& e) {
  return deleted == 0 ? e
                      : store_error{errc::outcome_unknown,
                                    "after " + std::to_string(deleted)
                                      + " deletions: " + e.what(),
                                    e.sqlite_code()};
}

} // namespace waybill
