// Reads JSON texts, and says in words of its own where one stops to be JSON.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace waybill {

/// Says why a JSON text is not the message that was expected.
class json_error : public std::invalid_argument {
public:
  /// @param field the path of the field, for example `snapshot.status`; empty
  ///        if the text as a whole is wrong.
  json_error(std::string field, const std::string& reason);

  [[nodiscard]] const std::string& field() const noexcept { return field_; }

private:
  std::string field_;
};

/// Reads a JSON text.
/// @throws json_error if it is none, saying where it stops to be one and what
///         was expected there, or if an object has a name twice.
nlohmann::json parse_json(std::string_view text);

} // namespace waybill
