// JSON texts that are not a message's.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace waybill::cli {

/// Compact text; bytes that are not UTF-8 become U+FFFD.
inline std::string json_text(const nlohmann::ordered_json& x) {
  return x.dump(-1, ' ', false,
                nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace waybill::cli
