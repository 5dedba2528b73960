// The calls to make, read as JSON Lines from a file or a pipe:
//
//   {"id": "01932c07-…", "kind": "ExternalSystem.CachedCall",
//    "path": "/mes/work-orders", "body": {…}}
//   {"id": "01932c07-…", "kind": "Database.CachedWrite", "row": {…}}
//
// and, optionally, as in waybill::forward_call: target_summary,
// source_instance_id, source_script, source_node, due, expires.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "waybill/forward_messages.hpp"

namespace site_runtime {

inline constexpr std::string_view external_kind = "ExternalSystem.CachedCall";
inline constexpr std::string_view database_kind = "Database.CachedWrite";

/// Longer lines are skipped without being held in memory, in bytes.
inline constexpr std::size_t max_line = 1'048'576;

/// Says why a line is no call.
class bad_line : public std::invalid_argument {
public:
  using std::invalid_argument::invalid_argument;
};

/// What an external call sends.
struct external_request {
  std::string path;
  /// JSON, byte for byte as it was read.
  std::string body;
};

/// An external call's payload, and what it says.
std::string to_payload(const external_request& x);
external_request to_request(std::string_view payload);

/// Reads one line. The payload of a database call is its `row`, as it was read.
/// @throws bad_line
waybill::forward_call parse_call(std::string_view line);

} // namespace site_runtime
