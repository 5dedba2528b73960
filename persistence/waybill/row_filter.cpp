#include "waybill/row_filter.hpp"

#include <algorithm>
#include <utility>

#include "waybill/error_queries.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/text_shape.hpp"

namespace waybill {

namespace {

time_range between(const std::optional<timestamp>& from,
                   const std::optional<timestamp>& until) noexcept {
  return {from ? from->us() : INT64_MIN, until ? until->us() - 1 : INT64_MAX};
}

// A terminal row's terminal time is its `updated_at`.
time_range updated_between(const operation_filter& x,
                           const std::optional<timestamp>& until) noexcept {
  const auto updated = between(x.updated_from, until);
  const auto terminal = between(x.terminal_from, x.terminal_until);
  return {std::max(updated.first, terminal.first),
          std::min(updated.last, terminal.last)};
}

// The times in between that `updated_until` and `or_updated_after` leave out.
time_range left_out(const operation_filter& x) noexcept {
  if (!x.updated_until || !x.or_updated_after)
    return {0, -1};
  return {x.updated_until->us(), x.or_updated_after->us()};
}

} // namespace

std::optional<std::string_view> text_in(const sqlite::statement& row, int at,
                                        const name_table& names) {
  if (row.is_null(at))
    return std::nullopt;
  if (!row.is_integer(at))
    return row.text(at);
  const auto* const text = names.find(row.integer(at));
  return text != nullptr ? std::optional<std::string_view>{*text}
                         : std::nullopt;
}

bool matches(std::string_view pattern, std::string_view text) noexcept {
  // Where the last `*` took its text up from, to give it one byte more.
  auto star = std::string_view::npos;
  std::size_t taken = 0;
  std::size_t p = 0;
  for (std::size_t t = 0; t < text.size();) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

status_set statuses_of(const operation_filter& x) {
  auto set = status_set::all();
  if (!x.statuses.empty()) {
    set = {};
    for (const auto each : x.statuses)
      set.add(each);
  }
  return x.terminal_from || x.terminal_until ? set & status_set::terminal()
                                             : set;
}

time_range updated_range(const operation_filter& x) noexcept {
  return updated_between(x,
                         x.or_updated_after ? std::nullopt : x.updated_until);
}

name_match::name_match(name_field field, std::string text,
                       const name_table& names)
  : column_{column::of(field)},
    text_{std::move(text)},
    id_{names.id_of(field, text_)} {}

bool name_match::fits(const sqlite::statement& row) const {
  if (row.is_integer(column_))
    return id_ && row.integer(column_) == *id_;
  return !row.is_null(column_) && row.text(column_) == text_;
}

row_filter::row_filter(const operation_filter& x, const name_table& names)
  : names_{names},
    statuses_{statuses_of(x)},
    created_{between(x.created_from, x.created_until)},
    updated_{updated_range(x)},
    not_updated_{left_out(x)},
    target_pattern_{x.target_pattern},
    error_contains_{x.error_contains},
    target_shape_{x.target_shape},
    error_shape_{x.error_shape},
    retry_count_from_{x.retry_count_from.value_or(0)},
    number_until_{x.number_until} {
  for (const auto& kind : x.kinds)
    kinds_.emplace_back(name_field::kind, kind, names);
  const auto require = [&](name_field field,
                           const std::optional<std::string>& text) {
    if (text)
      others_.emplace_back(field, *text, names);
  };
  require(name_field::target, x.target_summary);
  require(name_field::source_instance, x.source_instance_id);
  require(name_field::source_script, x.source_script);
  require(name_field::source_node, x.source_node);
  if (x.http_class) {
    http_from_ = *x.http_class * 100;
    http_to_ = http_from_ + 99;
  }
  if (x.http_status) {
    // Both, if both are set.
    const auto within = !x.http_class || *x.http_status / 100 == *x.http_class;
    http_from_ = within ? *x.http_status : 1;
    http_to_ = http_from_;
  }
}

bool row_filter::fits(const sqlite::statement& row) const {
  const auto in_row = [&](const name_match& x) { return x.fits(row); };
  return statuses_.contains(decode_status(row.integer(column::status)))
         && row.integer(column::retry_count) >= retry_count_from_
         && fits_times(row) && fits_number(row) && fits_http(row)
         && (kinds_.empty() || std::ranges::any_of(kinds_, in_row))
         && std::ranges::all_of(others_, in_row) && fits_target(row)
         && fits_error(row);
}

bool row_filter::fits_times(const sqlite::statement& row) const {
  const auto updated_at = row.integer(column::updated_at);
  return created_.contains(row.integer(column::created_at))
         && updated_.contains(updated_at) && !not_updated_.contains(updated_at);
}

// The last transition of an operation that has finished is the one by which it
// did, or tells what became of its payload then.
bool row_filter::fits_number(const sqlite::statement& row) const {
  if (!number_until_)
    return true;
  auto number = row.integer(column::seq);
  if (statuses_.is_within(status_set::terminal()))
    number = std::max(number,
                      decode_last(row.integer(column::last_transition)));
  return number < *number_until_;
}

bool row_filter::fits_target(const sqlite::statement& row) const {
  if (!target_pattern_ && !target_shape_)
    return true;
  const auto text = text_in(row, column::of(name_field::target), names_);
  return (!target_pattern_ || (text && matches(*target_pattern_, *text)))
         && (!target_shape_
             || (text && !text->empty() ? shape_of(*text)
                                        : std::string{no_target})
                  == *target_shape_);
}

bool row_filter::fits_error(const sqlite::statement& row) const {
  if (!error_contains_ && !error_shape_)
    return true;
  if (row.is_null(column::last_error) || row.text(column::last_error).empty())
    return !error_contains_ && *error_shape_ == no_error_text;
  const auto text = row.text(column::last_error);
  return (!error_contains_ || text.find(*error_contains_) != text.npos)
         && (!error_shape_ || shape_of(text) == *error_shape_);
}

bool row_filter::fits_http(const sqlite::statement& row) const {
  if (http_to_ == 0)
    return true;
  const auto http_status = row.integer(column::http_status); // 0: none
  return http_status >= http_from_ && http_status <= http_to_;
}

} // namespace waybill
