#include "waybill/minute_totals.hpp"

#include <algorithm>
#include <chrono>

namespace waybill {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr std::int64_t us_of_minute = microseconds{1min}.count();
constexpr std::int64_t us_between_writes = microseconds{10s}.count();

// Far above what there can be: what a crafted file says adds up.
constexpr std::int64_t most_counted = std::int64_t{1} << 48;

// A file may say that there are more.
constexpr std::int64_t kept_at_most = minute_totals::kept + 2;

std::int64_t minute_of(std::int64_t us) noexcept {
  const auto minute = us / us_of_minute;
  return us % us_of_minute < 0 ? minute - 1 : minute;
}

} // namespace

void minute_totals::count::add(const count& x) noexcept {
  taken += x.taken;
  retries += x.retries;
  for (std::size_t i = 0; i < ended.size(); ++i)
    ended[i] += x.ended[i];
  in_flight = x.in_flight;
}

void minute_totals::load(sqlite::connection& db) {
  open_ = committed_ = {};
  latest_ = written_at_ = none;
  writes_ = wants_rest_ = false;
  add_ = db.prepare(
    "INSERT INTO minute_total (minute, taken, delivered, parked, failed, "
    "discarded, retries, in_flight) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
    "ON CONFLICT (minute) DO UPDATE SET "
    "taken = min(taken + excluded.taken, ?9), "
    "delivered = min(delivered + excluded.delivered, ?9), "
    "parked = min(parked + excluded.parked, ?9), "
    "failed = min(failed + excluded.failed, ?9), "
    "discarded = min(discarded + excluded.discarded, ?9), "
    "retries = min(retries + excluded.retries, ?9), "
    "in_flight = excluded.in_flight");
  trim_ = db.prepare("DELETE FROM minute_total WHERE minute <= ?1 "
                     "OR minute > ?2");
}

void minute_totals::close() noexcept {
  add_ = {};
  trim_ = {};
}

bool minute_totals::is_due() const noexcept {
  return latest_ != none
         && (wants_rest_ || written_at_ == none || latest_ < written_at_
             || latest_ - written_at_ >= us_between_writes);
}

void minute_totals::flush(std::int64_t in_flight) {
  writes_ = is_due();
  if (!writes_)
    return;
  for (auto& each : open_)
    each.in_flight = in_flight;
  for (const auto* const all : {&committed_, &open_})
    for (const auto& each : *all)
      if (each.minute != none)
        write(each);
  const auto now = minute_of(latest_);
  trim_.bind(1, now - kept);
  trim_.bind(2, now + 1); // by a clock that was ahead, not by a moment only
  trim_.run();
}

void minute_totals::write(const count& x) {
  const auto ended = [&](tracking_status status) {
    return x.ended[static_cast<std::size_t>(status)];
  };
  using enum tracking_status;
  add_.bind(1, x.minute);
  add_.bind(2, x.taken);
  add_.bind(3, ended(delivered));
  add_.bind(4, ended(parked));
  add_.bind(5, ended(failed));
  add_.bind(6, ended(discarded));
  add_.bind(7, x.retries);
  add_.bind(8, x.in_flight);
  add_.bind(9, most_counted);
  add_.run();
}

void minute_totals::on_commit(std::int64_t in_flight) noexcept {
  if (writes_) {
    committed_ = {};
    written_at_ = latest_;
  } else {
    for (auto& each : open_)
      if (each.minute != none) {
        each.in_flight = in_flight;
        place_of(committed_, each.minute).add(each);
      }
  }
  on_rollback();
}

void minute_totals::on_rollback() noexcept {
  open_ = {};
  writes_ = wants_rest_ = false;
}

minute_totals::count& minute_totals::place_of(counts& all,
                                              std::int64_t minute) noexcept {
  for (auto& each : all) {
    if (each.minute == none)
      each.minute = minute;
    if (each.minute == minute)
      return each;
  }
  return all.back();
}

minute_totals::count& minute_totals::at(timestamp now) noexcept {
  latest_ = now.us();
  return place_of(open_, minute_of(latest_));
}

void minute_totals::took(timestamp now) noexcept {
  ++at(now).taken;
}

void minute_totals::ended(tracking_status how, timestamp now) noexcept {
  ++at(now).ended[static_cast<std::size_t>(how)];
}

void minute_totals::retried(timestamp now) noexcept {
  ++at(now).retries;
}

std::vector<minute_total> read_minute_totals(sqlite::connection& db,
                                             timestamp from) {
  auto stmt = db.prepare(
    "SELECT minute, taken, delivered, parked, failed, discarded, retries, "
    "in_flight FROM minute_total WHERE minute BETWEEN ?1 AND ?2 "
    "ORDER BY minute LIMIT ?3");
  stmt.bind(3, kept_at_most);
  stmt.bind(1, minute_of(from.us()));
  stmt.bind(2, minute_of(max_timestamp.us()));
  const auto figure = [&](int at) {
    return std::clamp<std::int64_t>(stmt.integer(at), 0, most_counted);
  };
  std::vector<minute_total> all;
  while (stmt.step())
    all.push_back({.begin = timestamp{stmt.integer(0) * us_of_minute},
                   .taken = figure(1),
                   .delivered = figure(2),
                   .parked = figure(3),
                   .failed = figure(4),
                   .discarded = figure(5),
                   .retries = figure(6),
                   .in_flight = figure(7)});
  return all;
}

} // namespace waybill
