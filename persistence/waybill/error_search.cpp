#include "waybill/error_search.hpp"

#include <algorithm>
#include <utility>

#include "waybill/operation_row.hpp"
#include "waybill/row_filter.hpp"
#include "waybill/text.hpp"
#include "waybill/text_shape.hpp"

namespace waybill {

namespace {

// Stored texts have no NUL in them.
constexpr char separator = '\0';

} // namespace

void error_search::make_key(const sqlite::statement& row) {
  key_.assign(1, static_cast<char>(row.integer(column::status)));
  // An empty text is none: nobody could ask for it.
  if (const auto target = text_in(row, column::of(name_field::target), names_);
      target && !target->empty())
    append_shape(key_, *target);
  else
    key_ += no_target;
  const auto end_of_target = key_.size();
  if (by_ == error_grouping::error) {
    key_ += separator;
    if (row.is_null(column::last_error) || row.text(column::last_error).empty())
      key_ += no_error_text;
    else
      append_shape(key_, row.text(column::last_error));
    const auto end_of_error = key_.size();
    key_ += separator;
    key_ += text_in(row, column::kind, names_).value_or("");
    error_ = std::string_view{key_}.substr(end_of_target + 1,
                                           end_of_error - end_of_target - 1);
  }
  target_ = std::string_view{key_}.substr(1, end_of_target - 1);
}

error_group error_search::begin_group(const sqlite::statement& row) const {
  error_group x;
  x.status = decode_status(row.integer(column::status));
  x.target = target_;
  if (by_ == error_grouping::error) {
    x.kind = decode_name(row, column::kind, names_);
    x.error = error_;
  }
  x.last_id = decode_id(row.blob(column::id));
  if (!row.is_null(column::last_error))
    x.last_error = truncate_utf8(decode_text(row, column::last_error),
                                 limits::summary_error);
  x.last_http_status = decode_http_status(row, column::http_status);
  x.first = x.last = timestamp{row.integer(column::updated_at)};
  return x;
}

void error_search::add(const sqlite::statement& row) {
  make_key(row);
  auto place = places_.find(key_);
  if (place == places_.end()) {
    if (found_.groups.size() >= limits::max_error_groups) {
      ++found_.other_operations;
      return;
    }
    place = places_.emplace(key_, found_.groups.size()).first;
    found_.groups.push_back(begin_group(row));
  }
  auto& group = found_.groups[place->second];
  const timestamp at{row.integer(column::updated_at)};
  group.first = std::min(group.first, at);
  group.last = std::max(group.last, at);
  ++group.operations;
  ++found_.operations;
}

errors_reply error_search::take() {
  finish(found_);
  return std::move(found_);
}

} // namespace waybill
