// Where a list or an export goes on: what `--cursor` takes.
#pragma once

#include <optional>
#include <string>

#include "waybill/timestamp.hpp"

namespace waybill::cli {

/// A store's cursor fits only the filter that it was made with. Durations in a
/// filter count back from a moment, which is therefore kept with the cursor.
struct resume_point {
  timestamp moment;
  std::string cursor;

  bool operator==(const resume_point&) const = default;
};

/// `MOMENT-CURSOR`, the moment as a hexadecimal number of microseconds.
std::string to_string(const resume_point& x);

/// @returns none if `text` is none.
/// @throws usage_error if it is nothing that `to_string` writes.
std::optional<resume_point>
parse_resume_point(const std::optional<std::string>& text);

} // namespace waybill::cli
