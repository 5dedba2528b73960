#include "waybill/row_source.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "waybill/in_flight_blocks.hpp"
#include "waybill/operation_row.hpp"

namespace waybill {

namespace {

#define WAYBILL_SELECT "SELECT " WAYBILL_OPERATION_COLUMNS " FROM "

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts)
    all += part;
  return all;
}

} // namespace

row_source::row_source(sqlite::connection& db, const list_operations& request,
                       std::optional<list_place> after)
  : newest_first_{request.order == list_order::newest_first}, by_time_{false} {
  const auto statuses = statuses_of(request.filter);
  const auto in_flight = statuses.is_within(status_set::in_flight());
  by_time_ = statuses.is_within(status_set::terminal());
  const std::string_view direction = newest_first_ ? " DESC" : "";
  const std::string_view beyond = newest_first_ ? "<" : ">";
  const auto from = after.value_or(newest_first_
                                     ? list_place{INT64_MAX, INT64_MAX}
                                     : list_place{INT64_MIN, INT64_MIN});
  if (statuses.is_empty())
    return;
  if (!in_flight && !by_time_) {
    auto& x = streams_.emplace_back();
    x.stmt = db.prepare(joined({WAYBILL_SELECT "operation WHERE seq ", beyond,
                                " ?1 ORDER BY seq", direction}));
    x.stmt.bind(1, from.seq);
    return;
  }
  // The place bounds the times too: one bound for each end, for SQLite would
  // search the index by one of several and go through all up to the other.
  const auto [first, last] = updated_range(request.filter);
  // `status >= 2` lets SQLite see that the partial index serves. `+seq` keeps
  // it from going from a block to the end of the list instead of the block's.
  const auto sql
    = in_flight
        ? joined({WAYBILL_SELECT WAYBILL_ROWS_IN_FLIGHT
                  "WHERE in_status = ?1 AND block ",
                  beyond, "= ?3 AND +seq ", beyond, " ?2 ORDER BY block",
                  direction, ", seq", direction})
        : joined({WAYBILL_SELECT "operation WHERE status >= 2 AND status = ?1 "
                                 "AND updated_at >= ?2 AND updated_at <= ?3 "
                                 "AND (+updated_at ",
                  beyond, " ?4 OR +seq ", beyond, " ?5) ORDER BY updated_at",
                  direction, ", seq", direction});
  for (int i = 0; i < num_tracking_statuses; ++i) {
    if (!statuses.contains(static_cast<tracking_status>(i)))
      continue;
    auto& x = streams_.emplace_back();
    x.stmt = db.prepare(sql);
    x.stmt.bind(1, i);
    if (in_flight) {
      x.stmt.bind(2, from.seq);
      x.stmt.bind(3, in_flight_blocks::block_of(from.seq));
      continue;
    }
    x.stmt.bind(2, newest_first_ ? first : std::max(first, from.key));
    x.stmt.bind(3, newest_first_ ? std::min(last, from.key) : last);
    x.stmt.bind(4, from.key);
    x.stmt.bind(5, from.seq);
  }
}

list_place row_source::place_of(const list_operations& request,
                                const sqlite::statement& row) {
  const auto by_time
    = statuses_of(request.filter).is_within(status_set::terminal());
  return {by_time ? row.integer(column::updated_at) : 0,
          row.integer(column::seq)};
}

bool row_source::next() {
  if (begun_)
    advance(streams_[current_]);
  else
    for (auto& x : streams_)
      advance(x);
  begun_ = true;
  auto found = false;
  for (std::size_t i = 0; i < streams_.size(); ++i)
    if (!streams_[i].ended
        && (!found
            || comes_before(streams_[i].place, streams_[current_].place))) {
      current_ = i;
      found = true;
    }
  if (!found)
    begun_ = false; // there is no current one
  return found;
}

void row_source::advance(stream& x) {
  if (x.ended)
    return;
  if (!x.stmt.step()) {
    x.ended = true;
    return;
  }
  x.place = {by_time_ ? x.stmt.integer(column::updated_at) : 0,
             x.stmt.integer(column::seq)};
}

} // namespace waybill
