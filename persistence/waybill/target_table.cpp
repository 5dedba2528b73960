#include "waybill/target_table.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "waybill/operation_row.hpp"
#include "waybill/store_error.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

bool can_be(const call_sum& x) noexcept {
  return x.calls >= 0 && x.calls <= max_counted_calls && x.bytes >= 0
         && x.bytes <= max_counted_bytes && (x.calls > 0 || x.bytes == 0);
}

// Four fifths, rounded up.
bool is_crowded(std::int64_t used, std::int64_t most) noexcept {
  return used > 0 && used >= most - most / 5;
}

// The bound of which four fifths are used, if there is one.
const char* find_crowded(const target_sums& sums,
                         const target_bounds& bounds) noexcept {
  const auto& [active, kept] = sums;
  if (is_crowded(active.calls, bounds.max_calls))
    return "max_calls";
  if (is_crowded(active.bytes, bounds.max_bytes))
    return "max_bytes";
  if (is_crowded(kept.calls, bounds.max_kept_calls))
    return "max_kept_calls";
  return is_crowded(kept.bytes, bounds.max_kept_bytes) ? "max_kept_bytes"
                                                       : nullptr;
}

} // namespace

std::string to_text(const call_sum& x) {
  return std::to_string(x.calls) + " calls with " + std::to_string(x.bytes)
         + " bytes";
}

target_row decode_target(const sqlite::statement& row, std::int64_t number) {
  target_row x{decode_text(row, 1),
               {{row.integer(2), row.integer(3)},
                {row.integer(4), row.integer(5)}}};
  if (row.integer(0) != number || !can_be(x.sums.active)
      || !can_be(x.sums.kept))
    throw store_error{errc::store_corrupt,
                      "target " + std::to_string(row.integer(0)) + " has "
                        + to_text(x.sums.active) + " on their way and "
                        + to_text(x.sums.kept)
                        + " kept, and should have number "
                        + std::to_string(number)};
  return x;
}

std::optional<target_bounds> decode_bounds(const sqlite::statement& row,
                                           int first) {
  if (row.is_null(first))
    return std::nullopt;
  const auto bound = [&](int i) {
    const auto x = row.integer(first + i);
    if (x < 1 || x > limits::max_target_bound)
      row_is_corrupt("the bound " + std::to_string(x));
    return x;
  };
  return target_bounds{.max_calls = bound(0),
                       .max_bytes = bound(1),
                       .max_kept_calls = bound(2),
                       .max_kept_bytes = bound(3)};
}

void target_table::load(sqlite::connection& db) {
  targets_.clear();
  num_crowded_ = 0;
  numbers_.clear();
  changed_.clear();
  auto stmt = db.prepare("SELECT " WAYBILL_TARGET_COLUMNS
                         " FROM target ORDER BY number");
  while (stmt.step()) {
    auto row = decode_target(stmt, std::ssize(targets_) + 1);
    append(std::move(row.name), row.sums);
  }
  committed_ = targets_.size();
  count_calls();
  if (have_calls())
    read_progress(db);
  for (std::int64_t i = 1; i <= std::ssize(targets_); ++i)
    note_crowding(i);
  insert_ = db.prepare("INSERT INTO target (number, name, calls, bytes, "
                       "kept_calls, kept_bytes) VALUES (?1, ?2, 0, 0, 0, 0)");
  update_ = db.prepare("UPDATE target SET calls = ?2, bytes = ?3, "
                       "kept_calls = ?4, kept_bytes = ?5 WHERE number = ?1");
  // Most are as they were: nothing is written for those.
  record_bounds_ = db.prepare(
    "INSERT INTO target_bounds (number, " WAYBILL_BOUNDS_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (number) "
    "DO UPDATE SET max_calls = ?2, max_bytes = ?3, max_kept_calls = ?4, "
    "max_kept_bytes = ?5 WHERE (" WAYBILL_BOUNDS_COLUMNS
    ") IS NOT (?2, ?3, ?4, ?5)");
}

// From the two partial indexes.
void target_table::read_progress(sqlite::connection& db) {
  const auto read = [&](const char* sql, std::int64_t call_progress::*to) {
    auto stmt = db.prepare(sql);
    while (stmt.step())
      if (has(stmt.integer(0))) {
        auto& x = targets_[static_cast<std::size_t>(stmt.integer(0)) - 1];
        x.progress.*to = stmt.integer(1);
        x.committed_progress = x.progress;
      }
  };
  read("SELECT target, count(*) FROM call WHERE state = 1 GROUP BY target",
       &call_progress::begun);
  read("SELECT target, count(*) FROM call WHERE state = 0 "
       "AND due IS NOT NULL GROUP BY target",
       &call_progress::scheduled);
}

void target_table::close() noexcept {
  insert_ = {};
  update_ = {};
  record_bounds_ = {};
}

void target_table::flush() {
  for (const auto number : changed_) {
    const auto& x = at(number);
    if (x.now == x.committed)
      continue;
    update_.bind(1, number);
    update_.bind(2, x.now.active.calls);
    update_.bind(3, x.now.active.bytes);
    update_.bind(4, x.now.kept.calls);
    update_.bind(5, x.now.kept.bytes);
    update_.run();
  }
}

void target_table::on_commit() noexcept {
  for (const auto number : changed_) {
    auto& x = targets_[static_cast<std::size_t>(number) - 1];
    x.committed = x.now;
    x.committed_progress = x.progress;
    note_crowding(number);
  }
  changed_.clear();
  committed_ = targets_.size();
}

void target_table::note_crowding(std::int64_t number) noexcept {
  auto& x = targets_[static_cast<std::size_t>(number) - 1];
  const auto* const crowded
    = x.bounds != nullptr ? find_crowded(x.committed, *x.bounds) : nullptr;
  num_crowded_ += (crowded != nullptr ? 1 : 0) - (x.crowded != nullptr ? 1 : 0);
  x.crowded = crowded;
}

std::optional<std::string> target_table::crowding() const {
  if (num_crowded_ == 0)
    return std::nullopt;
  const auto& x = *std::ranges::find_if(targets_, [](const auto& each) {
    return each.crowded != nullptr;
  });
  return "target " + escape(x.name) + " has used four fifths of " + x.crowded
         + " or more; past that it takes no calls";
}

void target_table::on_rollback(bool /*unfinished*/) noexcept {
  for (const auto number : changed_) {
    auto& x = targets_[static_cast<std::size_t>(number) - 1];
    x.now = x.committed;
    x.progress = x.committed_progress;
  }
  changed_.clear();
  for (; targets_.size() > committed_; targets_.pop_back())
    numbers_.erase(targets_.back().name); // it has no calls that are committed
  count_calls();
}

std::optional<std::int64_t> target_table::find(const std::string& name) const {
  const auto at = numbers_.find(name);
  return at == numbers_.end() ? std::nullopt : std::optional{at->second};
}

std::int64_t target_table::find_or_insert(const std::string& name) {
  if (const auto number = find(name))
    return *number;
  if (targets_.size() >= limits::max_targets)
    throw store_error{errc::overloaded, "target: there are "
                                          + std::to_string(limits::max_targets)
                                          + " others already"};
  const auto number = std::ssize(targets_) + 1;
  insert_.bind(1, number);
  insert_.bind_borrowed(2, name);
  ++changes_begun_;
  insert_.run();
  append(name, {});
  return number;
}

// The next number is its own.
void target_table::append(std::string name, const target_sums& sums) {
  const auto known = bounds_.find(name);
  targets_.push_back(
    {.name = std::move(name),
     .committed = sums,
     .now = sums,
     .bounds = known == bounds_.end() ? nullptr : &known->second});
  numbers_.emplace(targets_.back().name, std::ssize(targets_));
}

void target_table::add_active(std::int64_t number, std::int64_t bytes,
                              std::int64_t change) {
  add(number, &target_sums::active, bytes, change);
}

void target_table::add_kept(std::int64_t number, std::int64_t bytes,
                            std::int64_t change) {
  add(number, &target_sums::kept, bytes, change);
}

void target_table::record_bounds(std::int64_t number, const target_bounds& x) {
  record_bounds_.bind(1, number);
  record_bounds_.bind(2, x.max_calls);
  record_bounds_.bind(3, x.max_bytes);
  record_bounds_.bind(4, x.max_kept_calls);
  record_bounds_.bind(5, x.max_kept_bytes);
  ++changes_begun_;
  record_bounds_.run();
}

void target_table::set_bounds(const std::string& name, const target_bounds& x) {
  auto& mine = bounds_[name];
  mine = x;
  if (const auto number = find(name)) {
    targets_[static_cast<std::size_t>(*number) - 1].bounds = &mine;
    note_crowding(*number);
  }
}

void target_table::add(std::int64_t number, call_sum target_sums::*which,
                       std::int64_t bytes, std::int64_t change) {
  auto& x = targets_.at(static_cast<std::size_t>(number) - 1);
  const auto& was = x.now.*which;
  const call_sum sum{was.calls + change, was.bytes + change * bytes};
  if (!can_be(sum))
    throw store_error{errc::store_corrupt,
                      "the counters of target " + std::to_string(number)
                        + " would come to " + to_text(sum)};
  note_change(number);
  x.now.*which = sum;
  calls_ += change;
}

void target_table::add_progress(std::int64_t number,
                                const call_progress& change) {
  auto& x = targets_.at(static_cast<std::size_t>(number) - 1).progress;
  note_change(number);
  x.begun += change.begun;
  x.scheduled += change.scheduled;
}

void target_table::note_change(std::int64_t number) {
  if (std::ranges::find(changed_, number) == changed_.end())
    changed_.push_back(number);
}

std::vector<target_total> target_table::largest(std::size_t most) const {
  const auto calls_of = [](const entry* x) {
    return x->committed.active.calls + x->committed.kept.calls;
  };
  std::vector<const entry*> all;
  for (std::size_t i = 0; i < committed_; ++i)
    all.push_back(&targets_[i]);
  const auto told = std::min(most, all.size());
  std::ranges::partial_sort(all,
                            all.begin() + static_cast<std::ptrdiff_t>(told),
                            std::ranges::greater{}, calls_of);
  all.resize(told);
  std::vector<target_total> totals;
  for (const auto* const x : all) {
    const auto& [active, kept] = x->committed;
    const auto& [begun, scheduled] = x->committed_progress;
    totals.push_back(
      {.name = x->name,
       .ready = std::max<std::int64_t>(active.calls - begun - scheduled, 0),
       .scheduled = scheduled,
       .begun = begun,
       .bytes = active.bytes,
       .kept_calls = kept.calls,
       .kept_bytes = kept.bytes});
  }
  return totals;
}

void target_table::count_calls() noexcept {
  calls_ = 0;
  for (const auto& x : targets_)
    calls_ += x.now.active.calls + x.now.kept.calls;
}

} // namespace waybill
