// The question what went wrong, and how often: operations grouped by their
// errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/queries.hpp"

namespace waybill {

/// What stands in a group for an error, or a target, that is not there, or
/// empty.
inline constexpr std::string_view no_error_text = "(no error text)";
inline constexpr std::string_view no_target = "(no target)";

/// What operations of one group have in common.
enum class error_grouping : std::uint8_t {
  /// Status, kind, the target's shape, the error's shape.
  error = 0,
  /// Status and the target's shape.
  target = 1,
};
inline constexpr int num_error_groupings = 2;
std::string to_string(error_grouping x);
std::optional<error_grouping>
parse_error_grouping(std::string_view text) noexcept;

/// Asks why operations were parked or failed.
struct list_errors {
  /// Without statuses: Parked and Failed.
  operation_filter filter;
  error_grouping by = error_grouping::error;
  /// `errors_reply::next_cursor` of a search that ended before; none: from the
  /// one that finished last.
  std::optional<std::string> cursor;
};

/// Which operations are looked at, in which order.
list_operations to_list(const list_errors& x);

/// Operations whose errors, or targets, differ in numbers, ids, addresses and
/// times only; see text_shape.hpp.
struct error_group {
  tracking_status status = tracking_status::failed;
  /// None: any.
  std::optional<std::string> kind;
  /// The shape of the target, as `operation_filter::target_shape` takes it.
  std::string target;
  /// The shape of the error, as `operation_filter::error_shape` takes it; none:
  /// any.
  std::optional<std::string> error;
  std::int64_t operations = 0;
  /// When the first and the last of them finished; of those in flight, when
  /// they last changed.
  timestamp first;
  timestamp last;
  /// Of the last one, its error as a list has it.
  tracked_operation_id last_id;
  std::optional<std::string> last_error;
  std::optional<std::int32_t> last_http_status;

  bool operator==(const error_group&) const = default;
  static constexpr const char* type_name = "error_group";
  static constexpr auto fields() {
    using self = error_group;
    return std::tuple{field{"status", &self::status},
                      field{"kind", &self::kind},
                      field{"target", &self::target},
                      field{"error", &self::error},
                      field{"operations", &self::operations},
                      field{"first", &self::first},
                      field{"last", &self::last},
                      field{"last_id", &self::last_id},
                      field{"last_error", &self::last_error},
                      field{"last_http_status", &self::last_http_status}};
  }
};

struct errors_reply {
  /// Those with most operations first; `limits::max_error_groups` at most.
  std::vector<error_group> groups;
  /// In all groups, and besides them in groups past that bound.
  std::int64_t operations = 0;
  std::int64_t other_operations = 0;
  /// How many were looked at, and when the last of these finished (or, if there
  /// are some in flight among those asked for, was recorded).
  std::int64_t searched = 0;
  std::optional<timestamp> searched_to;
  /// Where to search on; none: all have been looked at.
  std::optional<std::string> next_cursor;

  bool operator==(const errors_reply&) const = default;
  static constexpr const char* type_name = "errors_reply";
  static constexpr auto fields() {
    using self = errors_reply;
    return std::tuple{field{"groups", &self::groups},
                      field{"operations", &self::operations},
                      field{"other_operations", &self::other_operations},
                      field{"searched", &self::searched},
                      field{"searched_to", &self::searched_to},
                      field{"next_cursor", &self::next_cursor}};
  }
};

/// Puts the groups in order, and leaves out those past the bound.
void finish(errors_reply& x);

/// Adds what the search has found that began at `x.next_cursor`.
void merge(errors_reply& x, errors_reply&& more);

} // namespace waybill
