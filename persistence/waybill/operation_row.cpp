#include "waybill/operation_row.hpp"

namespace waybill {

namespace {

std::optional<std::string> decode_optional_name(const sqlite::statement& row,
                                                int at,
                                                const name_table& names) {
  if (row.is_null(at))
    return std::nullopt;
  return decode_name(row, at, names);
}

} // namespace

id_bytes encode_id(const tracked_operation_id& id) noexcept {
  id_bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(id.high() >> (56 - 8 * i));
    bytes[i + 8] = static_cast<std::uint8_t>(id.low() >> (56 - 8 * i));
  }
  return bytes;
}

tracked_operation_id decode_id(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() != 16)
    return {};
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    high = (high << 8U) | bytes[i];
    low = (low << 8U) | bytes[i + 8];
  }
  return {high, low};
}

void row_is_corrupt(const std::string& what) {
  throw store_error{errc::store_corrupt, "a row holds " + what};
}

tracking_status decode_status(std::int64_t number) {
  if (number < 0 || number >= num_tracking_statuses)
    row_is_corrupt("the status " + std::to_string(number));
  return static_cast<tracking_status>(number);
}

std::string decode_text(const sqlite::statement& row, int at) {
  const auto text = row.text(at);
  if (text.find('\0') != std::string_view::npos)
    row_is_corrupt("a text with NUL");
  return std::string{text};
}

std::int32_t decode_retry_count(const sqlite::statement& row, int at) {
  const auto count = row.integer(at);
  if (count < 0 || count > INT32_MAX)
    row_is_corrupt("the retry count " + std::to_string(count));
  return static_cast<std::int32_t>(count);
}

std::optional<std::int32_t> decode_http_status(const sqlite::statement& row,
                                               int at) {
  if (row.is_null(at))
    return std::nullopt;
  const auto status = row.integer(at);
  if (status < 100 || status > 599)
    row_is_corrupt("the HTTP status " + std::to_string(status));
  return static_cast<std::int32_t>(status);
}

std::string decode_name(const sqlite::statement& row, int at,
                        const name_table& names) {
  if (!row.is_integer(at))
    return decode_text(row, at);
  const auto* const text = names.find(row.integer(at));
  if (text == nullptr)
    row_is_corrupt("the name " + std::to_string(row.integer(at)));
  return *text;
}

tracking_status_snapshot decode_operation(const sqlite::statement& row,
                                          const tracked_operation_id& id,
                                          const name_table& names) {
  tracking_status_snapshot x;
  x.id = id;
  x.status = decode_status(row.integer(column::status));
  x.retry_count = decode_retry_count(row, column::retry_count);
  x.http_status = decode_http_status(row, column::http_status);
  x.created_at = timestamp{row.integer(column::created_at)};
  x.updated_at = timestamp{row.integer(column::updated_at)};
  if (is_terminal(x.status))
    x.terminal_at = x.updated_at;
  x.kind = decode_name(row, column::kind, names);
  x.target_summary = decode_optional_name(row, column::of(name_field::target),
                                          names);
  x.source_instance_id
    = decode_optional_name(row, column::of(name_field::source_instance), names);
  x.source_script
    = decode_optional_name(row, column::of(name_field::source_script), names);
  x.source_node = decode_optional_name(row, column::of(name_field::source_node),
                                       names);
  if (!row.is_null(column::last_error))
    x.last_error = decode_text(row, column::last_error);
  return x;
}

} // namespace waybill
