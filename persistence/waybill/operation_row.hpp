// Rows of the table `operation`: how ids and columns become what is said.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "waybill/messages.hpp"
#include "waybill/name_table.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/text.hpp"

namespace waybill {

// -- ids ----------------------------------------------------------------------

using id_bytes = std::array<std::uint8_t, 16>;

/// As stored: big-endian.
id_bytes encode_id(const tracked_operation_id& id) noexcept;

/// Nil for what is no id.
tracked_operation_id decode_id(std::span<const std::uint8_t> bytes) noexcept;

// -- rows ---------------------------------------------------------------------

/// `last_transition` as it is stored: its complement for an operation that has
/// finished with a call, so that a purge can tell these from others when the
/// call has gone long since.
constexpr std::int64_t encode_last(std::int64_t number,
                                   bool had_call) noexcept {
  return had_call ? ~number : number;
}

constexpr std::int64_t decode_last(std::int64_t stored) noexcept {
  return stored < 0 ? ~stored : stored;
}

/// The columns that `decode_operation` reads, as a part of a statement. In a
/// SELECT that has others too, they come first.
#define WAYBILL_SNAPSHOT_COLUMNS                                               \
  "status, retry_count, http_status, created_at, updated_at, kind, target, "   \
  "source_instance, source_script, source_node, last_error"

/// All columns of the table.
#define WAYBILL_OPERATION_COLUMNS                                              \
  WAYBILL_SNAPSHOT_COLUMNS ", seq, id, last_transition"

/// The places of these columns, counted from 0.
namespace column {

/// Behind the last one if there is no such column.
constexpr int place_of(std::string_view name) noexcept {
  constexpr std::string_view separator = ", ";
  std::string_view rest = WAYBILL_OPERATION_COLUMNS;
  int place = 0;
  for (; !rest.empty(); ++place) {
    const auto each = rest.substr(0, rest.find(separator));
    if (each == name)
      break;
    rest.remove_prefix(std::min(rest.size(), each.size() + separator.size()));
  }
  return place;
}

inline constexpr int seq = place_of("seq");
inline constexpr int id = place_of("id");
inline constexpr int status = place_of("status");
inline constexpr int retry_count = place_of("retry_count");
inline constexpr int http_status = place_of("http_status");
inline constexpr int created_at = place_of("created_at");
inline constexpr int updated_at = place_of("updated_at");
inline constexpr int kind = place_of("kind"); // and the other names behind it
inline constexpr int last_error = place_of("last_error");
inline constexpr int last_transition = place_of("last_transition");
inline constexpr int count = place_of("");

/// The five that may be interned, by name_field.
constexpr int of(name_field field) noexcept {
  return kind + static_cast<int>(field);
}

} // namespace column

static_assert(column::of(name_field::source_node)
              == column::place_of("source_node"));

/// Throws `store_corrupt`: a row holds `what`.
[[noreturn]] void row_is_corrupt(const std::string& what);

// These throw `store_corrupt` for what cannot have been stored.

tracking_status decode_status(std::int64_t number);

/// A text that was stored has no NUL; a page that was never written has (see
/// sealed_vfs.cpp).
std::string decode_text(const sqlite::statement& row, int at);

std::int32_t decode_retry_count(const sqlite::statement& row, int at);

std::optional<std::int32_t> decode_http_status(const sqlite::statement& row,
                                               int at);

/// A column that holds either a name's id or the text itself.
/// @throws store_error `store_corrupt` if the id has no name.
std::string decode_name(const sqlite::statement& row, int at,
                        const name_table& names);

/// An error text as it is stored: tidy, and not longer than it may be.
class stored_error {
public:
  /// @param text is borrowed.
  stored_error(const std::optional<std::string>& text, std::size_t cap)
    : text_{text} {
    if (text && !is_tidy(*text))
      text_ = changed_ = tidy(*text);
    if (text_ && text_->size() > cap)
      text_ = changed_ = truncate_utf8(*text_, cap);
  }

  stored_error(const stored_error&) = delete;
  stored_error& operator=(const stored_error&) = delete;

  [[nodiscard]] const std::optional<std::string_view>& text() const noexcept {
    return text_;
  }

private:
  std::string changed_;
  std::optional<std::string_view> text_;
};

/// The row at which `row` stands, whose first columns are
/// WAYBILL_SNAPSHOT_COLUMNS.
tracking_status_snapshot decode_operation(const sqlite::statement& row,
                                          const tracked_operation_id& id,
                                          const name_table& names);

} // namespace waybill
