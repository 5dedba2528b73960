// What reading all of a store has found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace waybill {

/// What `store_reader::check` found.
struct check_report {
  /// One line each, at most `max_faults`; none if the store is sound.
  std::vector<std::string> faults;
  std::int64_t operations = 0;
  std::int64_t transitions = 0;

  static constexpr std::size_t max_faults = 100;
};

} // namespace waybill
