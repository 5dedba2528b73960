// What an option is to people, and values that only options have.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace waybill {

/// How long finished operations are kept; none means for ever.
using retention_window = std::optional<std::chrono::milliseconds>;

/// One option, for people: what `--help` and the README show.
struct option_info {
  std::string name;
  std::string default_value;
  std::string range;
  std::string meaning;
};

} // namespace waybill
