// Lists of operations as URLs ask for them: the command's filters, a cursor,
// and which way to go from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/error_queries.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/http_message.hpp"

namespace waybill::dashboard {

/// Says which parameter is wrong. What comes from outside is escaped in it, as
/// for a terminal.
class query_error : public std::invalid_argument {
public:
  using std::invalid_argument::invalid_argument;
};

struct list_query {
  filter_arguments filter;
  /// The cursor of the page before; also the command's `--cursor`.
  std::optional<resume_point> after;
  std::int32_t limit = 50;
  bool oldest_first = false;
  /// Whether error texts come whole.
  bool full = false;
  /// Of errors: what groups have in common.
  error_grouping by = error_grouping::error;
  /// Of pages: from the cursor back to those that come before it.
  bool back = false;
  /// Of pages: the row that is open.
  std::optional<std::string> open;
};

/// Which parameters are known.
enum class list_use : std::uint8_t { api, page, errors, filter };

/// @throws query_error
list_query parse_list_query(const parameters& query, list_use use);

/// @param now what durations count back from on a first page.
/// @throws query_error
list_operations to_request(const list_query& x, timestamp now, zone where);

/// The same for errors.
list_errors to_errors_request(const list_query& x, timestamp now, zone where);

/// The filter alone, as the parameters of a URL.
parameters to_parameters(const filter_arguments& x);

/// The filter alone, as the command's options: ` --status parked --since 7d`.
std::string to_options(const filter_arguments& x);

/// `text` as a word of a shell's command line.
std::string shell_word(const std::string& text);

} // namespace waybill::dashboard
