#include "waybill/filter_text.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace waybill {

namespace {

constexpr auto expected_time = "a duration like 2h, or a time like 2026-11-23, "
                               "2026-11-23 08:15 or 2026-11-23T08:15:30Z";

std::optional<timestamp>
read_filter_time(const char* name, const std::optional<std::string>& text,
                 timestamp now, zone where) {
  if (!text)
    return std::nullopt;
  const auto t = parse_time(*text, now, where);
  if (!t)
    throw filter_error{name, expected_time, *text};
  return t;
}

bool is_http_class(const std::string& text) {
  return text.size() == 3 && text[0] >= '1' && text[0] <= '5'
         && (text.substr(1) == "xx" || text.substr(1) == "XX");
}

void read_http(const std::string& text, operation_filter& to) {
  if (is_http_class(text)) {
    to.http_class = text[0] - '0';
    return;
  }
  std::int32_t status = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, status);
  if (error != std::errc{} || stop != end || status < 100 || status > 599)
    throw filter_error{"http", "100 to 599, or 1xx to 5xx", text};
  to.http_status = status;
}

std::string in_lower_case(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

using wanted_statuses = std::array<bool, num_tracking_statuses>;

// Adds what `word` means.
// Returns false if it means nothing.
bool add_statuses(const std::string& word, wanted_statuses& to) {
  bool known = false;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto status = static_cast<tracking_status>(i);
    if (word == in_lower_case(to_string(status))
        || (word == "in-flight" && is_in_flight(status))
        || (word == "finished" && is_terminal(status)))
      known = to[i] = true;
  }
  return known;
}

} // namespace

filter_error::filter_error(std::string field_name, std::string what,
                           std::string given)
  : std::invalid_argument{field_name + " must be " + what},
    name_{std::move(field_name)},
    expected_{std::move(what)},
    value_{std::move(given)} {}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos)
      return parts;
    list.remove_prefix(comma + 1);
  }
}

std::vector<tracking_status>
parse_statuses(const std::vector<std::string>& values) {
  wanted_statuses wanted{};
  for (const auto& value : values)
    for (const auto& word : split(value))
      if (!add_statuses(in_lower_case(word), wanted))
        throw filter_error{
          "status",
          "of Submitted, Retrying, Delivered, Parked, Failed, Discarded, "
          "in-flight and finished, with commas in between",
          value};
  std::vector<tracking_status> statuses;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i])
      statuses.push_back(static_cast<tracking_status>(i));
  return statuses;
}

operation_filter to_filter(const filter_arguments& x, timestamp now,
                           zone where) {
  const auto time = [&](const char* name,
                        const std::optional<std::string>& text) {
    return read_filter_time(name, text, now, where);
  };
  operation_filter filter;
  filter.statuses = parse_statuses(x.statuses);
  filter.kinds = x.kinds;
  if (x.target && x.target->find('*') != std::string::npos)
    filter.target_pattern = x.target;
  else
    filter.target_summary = x.target;
  if (x.min_retries)
    filter.retry_count_from = static_cast<std::int32_t>(*x.min_retries);
  filter.source_instance_id = x.instance;
  filter.source_script = x.script;
  filter.source_node = x.node;
  filter.created_from = time("since", x.since);
  filter.created_until = time("until", x.until);
  filter.updated_from = time("updated-since", x.updated_since);
  filter.updated_until = time("updated-until", x.updated_until);
  filter.terminal_from = time("finished-since", x.finished_since);
  filter.terminal_until = time("finished-until", x.finished_until);
  filter.error_contains = x.error;
  filter.target_shape = x.target_shape;
  filter.error_shape = x.error_shape;
  if (x.http)
    read_http(*x.http, filter);
  return filter;
}

std::string to_string(const resume_point& x) {
  std::array<char, 16> digits{};
  const auto us = static_cast<std::uint64_t>(x.moment.us());
  auto* const end
    = std::to_chars(digits.data(), digits.data() + digits.size(), us, 16).ptr;
  return std::string{digits.data(), end} + '-' + x.cursor;
}

std::optional<resume_point> parse_resume_point(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  std::uint64_t us = 0;
  const auto* const end = text.data() + dash;
  const auto [stop, error] = std::from_chars(text.data(), end, us, 16);
  const timestamp moment{static_cast<std::int64_t>(us)};
  if (error != std::errc{} || stop != end || moment < min_timestamp
      || moment > max_timestamp)
    return std::nullopt;
  return resume_point{.moment = moment,
                      .cursor = std::string{text.substr(dash + 1)}};
}

} // namespace waybill
