// Messages as JSON, both ways, and as text for people. Made from the field
// lists; defined for all structs of messages.hpp, queries.hpp, stats.hpp,
// forward_messages.hpp and control_messages.hpp.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "waybill/field_list.hpp"

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

/// `x` as a JSON object. Ids are GUID texts, times ISO-8601 in UTC with `Z`,
/// enumerators their names; a field without a value is `null`. Bytes that are
/// not UTF-8 become U+FFFD when the object is written as text.
template <has_fields T>
nlohmann::json to_json(const T& x);

/// Reads what `to_json` writes. Optional fields may be missing or `null`.
/// @throws json_error for a missing, unknown or ill-typed field, an unknown
///         enumerator, a bad id or time, a number out of its type's range.
template <has_fields T>
T from_json(const nlohmann::json& json);

/// `to_json` as compact text.
template <has_fields T>
std::string to_json_text(const T& x);

/// `from_json` of a text.
/// @throws json_error also as `parse_json`.
template <has_fields T>
T from_json_text(std::string_view text);

/// `x` for people: `record_enqueue{id=…, kind="…", …}`, texts escaped, fields
/// without a value left out.
template <has_fields T>
std::string to_string(const T& x);

} // namespace waybill
