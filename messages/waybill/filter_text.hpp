// The filters of lists as people write them: on a command line, or in a URL.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "waybill/field_list.hpp"
#include "waybill/queries.hpp"
#include "waybill/times.hpp"

namespace waybill {

/// What is asked for, word by word. The names of the fields are those of the
/// command's options and of the parameters of URLs.
struct filter_arguments {
  std::vector<std::string> statuses;
  std::vector<std::string> kinds;
  std::optional<std::string> target;
  std::optional<std::string> instance;
  std::optional<std::string> script;
  std::optional<std::string> node;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::string> updated_since;
  std::optional<std::string> updated_until;
  std::optional<std::string> finished_since;
  std::optional<std::string> finished_until;
  std::optional<std::string> error;
  std::optional<std::string> target_shape;
  std::optional<std::string> error_shape;
  std::optional<std::string> http;
  std::optional<std::int64_t> min_retries;

  bool operator==(const filter_arguments&) const = default;
  static constexpr const char* type_name = "filter_arguments";
  static constexpr auto fields() {
    using self = filter_arguments;
    return std::tuple{field{"status", &self::statuses},
                      field{"kind", &self::kinds},
                      field{"target", &self::target},
                      field{"instance", &self::instance},
                      field{"script", &self::script},
                      field{"node", &self::node},
                      field{"since", &self::since},
                      field{"until", &self::until},
                      field{"updated-since", &self::updated_since},
                      field{"updated-until", &self::updated_until},
                      field{"finished-since", &self::finished_since},
                      field{"finished-until", &self::finished_until},
                      field{"error", &self::error},
                      field{"target-shape", &self::target_shape},
                      field{"error-shape", &self::error_shape},
                      field{"http", &self::http},
                      field{"min-retries", &self::min_retries}};
  }
};

/// Says which part of a filter is wrong.
class filter_error : public std::invalid_argument {
public:
  /// @param what must stand there.
  /// @param given what does: escape it before it is shown.
  filter_error(std::string field_name, std::string what, std::string given);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& expected() const noexcept {
    return expected_;
  }
  [[nodiscard]] const std::string& value() const noexcept { return value_; }

private:
  std::string name_;
  std::string expected_;
  std::string value_;
};

/// Reads lists with commas of statuses, in letters of either case, and the
/// words `in-flight` and `finished`.
/// @returns each status once, in the order of their numbers.
/// @throws filter_error
std::vector<tracking_status>
parse_statuses(const std::vector<std::string>& values);

/// The parts of a list with commas.
std::vector<std::string> split(std::string_view list);

/// @param now what durations count back from.
/// @param where the zone of times that name none.
/// @throws filter_error
operation_filter to_filter(const filter_arguments& x, timestamp now,
                           zone where);

/// Where a list goes on. A store's cursor fits only the filter that it was made
/// with. Durations in a filter count back from a moment, which is therefore
/// kept with the cursor.
struct resume_point {
  timestamp moment;
  std::string cursor;

  bool operator==(const resume_point&) const = default;
};

/// `MOMENT-CURSOR`, the moment as a hexadecimal number of microseconds.
std::string to_string(const resume_point& x);

/// @returns none if `text` is nothing that `to_string` writes.
std::optional<resume_point> parse_resume_point(std::string_view text);

} // namespace waybill
