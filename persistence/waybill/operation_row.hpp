// Rows of the table `operation`: how ids and columns become what is said.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "waybill/messages.hpp"
#include "waybill/name_table.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

// -- ids ----------------------------------------------------------------------

using id_bytes = std::array<std::uint8_t, 16>;

/// As stored: big-endian.
id_bytes encode_id(const tracked_operation_id& id) noexcept;

/// Nil for what is no id.
tracked_operation_id decode_id(std::span<const std::uint8_t> bytes) noexcept;

// -- rows ---------------------------------------------------------------------

/// The columns that `decode_operation` reads, for a SELECT. In a statement that
/// has others too, they come first.
#define WAYBILL_OPERATION_COLUMNS                                              \
  "status, retry_count, http_status, created_at, updated_at, kind, target, "   \
  "source_instance, source_script, source_node, last_error"

/// The places of these columns.
namespace column {
inline constexpr int status = 0;
inline constexpr int retry_count = 1;
inline constexpr int http_status = 2;
inline constexpr int created_at = 3;
inline constexpr int updated_at = 4;
inline constexpr int kind = 5; // the other names follow, by name_field
inline constexpr int last_error = 10;
inline constexpr int count = 11;
} // namespace column

/// Throws `store_corrupt`: a row holds `what`.
[[noreturn]] void row_is_corrupt(const std::string& what);

tracking_status decode_status(std::int64_t number);

/// A text that was stored has no NUL; a page that was never written has (see
/// sealed_vfs.cpp).
std::string decode_text(const sqlite::statement& row, int at);

/// A number that may be missing.
std::optional<std::int32_t> decode_number(const sqlite::statement& row, int at);

/// A column that holds either a name's id or the text itself.
/// @throws store_error `store_corrupt` if the id has no name.
std::string decode_name(const sqlite::statement& row, int at,
                        const name_table& names);

/// The row at which `row` stands.
tracking_status_snapshot decode_operation(const sqlite::statement& row,
                                          const tracked_operation_id& id,
                                          const name_table& names);

} // namespace waybill
