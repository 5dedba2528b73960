#include "waybill/recent_operations.hpp"

#include <optional>

namespace waybill {

tracking_status_snapshot to_snapshot(const recent_operations::entry& from,
                                     const name_table& names) {
  const auto name = [&](name_field field) -> std::optional<std::string> {
    const auto* const text
      = names.find(from.names[static_cast<std::size_t>(field)]);
    return text == nullptr ? std::nullopt : std::optional{*text};
  };
  tracking_status_snapshot x;
  x.id = from.id;
  x.status = from.status;
  x.retry_count = from.retry_count;
  if (from.http_status != 0)
    x.http_status = from.http_status;
  x.created_at = timestamp{from.created_at_us};
  x.updated_at = timestamp{from.updated_at_us};
  if (is_terminal(x.status))
    x.terminal_at = x.updated_at;
  x.kind = name(name_field::kind).value_or("");
  x.target_summary = name(name_field::target);
  x.source_instance_id = name(name_field::source_instance);
  x.source_script = name(name_field::source_script);
  x.source_node = name(name_field::source_node);
  if (from.has_error)
    x.last_error = from.last_error;
  return x;
}

} // namespace waybill
