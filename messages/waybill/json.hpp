// Messages as JSON, both ways, and as text for people. Made from the field
// lists; defined for all structs of messages.hpp, queries.hpp, stats.hpp,
// pause_messages.hpp, requeue_messages.hpp, discard_messages.hpp,
// audit_messages.hpp and forward_messages.hpp (a delivery_result is only
// printed).
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "waybill/field_list.hpp"
#include "waybill/json_text.hpp"

namespace waybill {

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
