// The calls to make, read as JSON Lines from a file or a pipe:
//
//   {"id": "01932c07-…", "kind": "ExternalSystem.CachedCall",
//    "path": "/mes/work-orders", "body": {…}}
//   {"id": "01932c07-…", "kind": "Database.CachedWrite", "row": {…}}
//
// and, optionally, as in waybill::record_enqueue: target_summary,
// source_instance_id, source_script, source_node.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// An open input.
class input {
public:
  /// @param path a file, or `-` for standard input.
  /// @throws std::system_error if it cannot be opened or is a directory.
  explicit input(const std::string& path);
  ~input();
  input(const input&) = delete;
  input& operator=(const input&) = delete;

  struct line {
    /// From 1.
    std::uint64_t number = 0;
    /// Without its end, be that `\n` or `\r\n`. Only a beginning if `too_long`.
    std::string text;
    bool too_long = false;
  };

  /// The next line, if it comes within `patience` (pipes and terminals may let
  /// one wait) and before a signal.
  /// @throws std::system_error if reading fails.
  std::optional<line> next(std::chrono::milliseconds patience);

  /// True once all lines have been returned.
  [[nodiscard]] bool at_end() const { return at_end_; }

private:
  bool fill(std::chrono::milliseconds patience);
  line take(std::size_t size);

  int fd_ = -1;
  bool owned_ = false;
  bool at_end_ = false;
  bool source_ended_ = false;
  bool too_long_ = false;
  std::uint64_t number_ = 0;
  /// What was read; the part before `begin_` has been returned, the one before
  /// `searched_` has no line end.
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;
};

} // namespace site_runtime
