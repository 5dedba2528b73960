#include "waybill/tombstone_entry.hpp"

#include <algorithm>
#include <string>

#include "waybill/operation_row.hpp"

namespace waybill {

std::uint64_t encode_tombstone(const tombstone_value& x) noexcept {
  const auto at = std::clamp(x.finished_at, min_timestamp, max_timestamp);
  const auto since = static_cast<std::uint64_t>(at.us() - min_timestamp.us());
  const auto status = static_cast<std::uint64_t>(x.status)
                      - static_cast<std::uint64_t>(tracking_status::delivered);
  return since << 3U | status << 1U | (x.has_successor ? 1U : 0U);
}

tombstone_value decode_tombstone(std::uint64_t x) {
  static_assert(static_cast<int>(tracking_status::delivered) == 2
                && num_tracking_statuses == 6);
  constexpr auto most
    = static_cast<std::uint64_t>(max_timestamp.us() - min_timestamp.us());
  if (x >> 3U > most)
    row_is_corrupt("a tombstone that says " + std::to_string(x));
  return {static_cast<tracking_status>(2U + (x >> 1U & 3U)),
          timestamp{min_timestamp.us() + static_cast<std::int64_t>(x >> 3U)},
          (x & 1U) != 0};
}

timestamp decode_purge_time(const sqlite::statement& row, int column) {
  const timestamp x{row.integer(column)};
  if (x < min_timestamp || x > max_timestamp)
    row_is_corrupt("the time " + std::to_string(x.us()) + " of a purge");
  return x;
}

std::int64_t end_of_purge(const sqlite::statement& row, int column) {
  const auto first = row.integer(column);
  const auto tombstones = row.integer(column + 1);
  if (first < 1 || first > max_run_number || tombstones < 1
      || tombstones > max_run_number)
    row_is_corrupt("a purge of " + std::to_string(tombstones)
                   + " tombstones from " + std::to_string(first) + " on");
  return first + tombstones;
}

void tombstone_facts::load(sqlite::connection& db) {
  purge_time_ = db.prepare(
    "SELECT purged_at, first, tombstones FROM purge_time "
    "WHERE first <= ?1 ORDER BY first DESC LIMIT 1");
  successor_ = db.prepare("SELECT id, successor FROM tombstone_successor "
                          "WHERE number = ?1");
}

void tombstone_facts::close() noexcept {
  purge_time_ = {};
  successor_ = {};
}

purged_operation tombstone_facts::complete(const run_entry& entry,
                                           std::optional<timestamp> purged_at) {
  const auto value = decode_tombstone(entry.value);
  purged_operation x;
  x.status = value.status;
  x.finished_at = value.finished_at;
  x.purged_at = purged_at ? *purged_at : purge_time_of(entry.number);
  if (!value.has_successor)
    return x;
  successor_.bind(1, entry.number);
  const sqlite::reset_guard guard{successor_};
  if (!successor_.step()
      || decode_id(successor_.blob(0)) != to_operation_id(entry.key))
    row_is_corrupt("tombstone " + std::to_string(entry.number)
                   + ", whose successor is missing, or another one's");
  x.successor = decode_id(successor_.blob(1));
  return x;
}

timestamp tombstone_facts::purge_time_of(std::int64_t number) {
  purge_time_.bind(1, number);
  const sqlite::reset_guard guard{purge_time_};
  if (!purge_time_.step() || end_of_purge(purge_time_, 1) <= number)
    row_is_corrupt("tombstone " + std::to_string(number)
                   + ", of which nothing says when it was purged");
  return decode_purge_time(purge_time_, 0);
}

} // namespace waybill
