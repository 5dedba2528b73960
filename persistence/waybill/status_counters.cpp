#include "waybill/status_counters.hpp"

#include <algorithm>
#include <utility>

namespace waybill {

namespace {

// Far above what the quotas of names allow; keeps a damaged file from asking
// for gigabytes.
constexpr std::int64_t max_kind_id = 65'536;

} // namespace

void status_counters::read(sqlite::connection& db) {
  rows_.clear();
  changed_.clear();
  all_are_used_ = false;
  auto stmt = db.prepare("SELECT kind, status, operations FROM counter");
  while (stmt.step()) {
    const auto kind = stmt.integer(0);
    const auto status = stmt.integer(1);
    const auto operations = stmt.integer(2);
    if (kind < 0 || kind > max_kind_id || status < 0
        || status >= num_tracking_statuses || operations < 0
        || operations > max_counted_operations)
      throw store_error{errc::store_corrupt,
                        "a counter has kind " + std::to_string(kind)
                          + ", status " + std::to_string(status) + " and "
                          + std::to_string(operations) + " operations"};
    row_of(kind)[static_cast<std::size_t>(status)].committed = operations;
  }
}

void status_counters::load(sqlite::connection& db) {
  read(db);
  upsert_ = db.prepare(
    "INSERT INTO counter (kind, status, operations) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (kind, status) DO UPDATE SET operations = "
    "excluded.operations");
  minutes_.load(db);
  in_flight_ = {};
  for (const auto& cells : rows_)
    for (std::size_t status = 0; status < cells.size(); ++status)
      if (!is_terminal(static_cast<tracking_status>(status)))
        in_flight_.committed += cells[status].committed;
}

void status_counters::close() noexcept {
  upsert_ = {};
  minutes_.close();
}

void status_counters::add(std::int64_t kind, tracking_status status,
                          std::int64_t change) {
  row_of(kind)[static_cast<std::size_t>(status)].change += change;
  if (!is_terminal(status))
    in_flight_.change += change;
  if (change < 0 && is_unused(kind))
    all_are_used_ = false;
  if (std::ranges::find(changed_, kind) == changed_.end())
    changed_.push_back(kind);
}

void status_counters::flush() {
  for (const auto kind : changed_) {
    const auto& cells = row_of(kind);
    for (std::size_t status = 0; status < cells.size(); ++status) {
      const auto& cell = cells[status];
      if (cell.change == 0)
        continue;
      upsert_.bind(1, kind);
      upsert_.bind(2, static_cast<std::int64_t>(status));
      upsert_.bind(3, cell.committed + cell.change);
      upsert_.run();
    }
  }
  if (minutes_.is_due())
    minutes_.flush(in_flight_.committed + in_flight_.change);
}

void status_counters::on_commit() noexcept {
  for (const auto kind : changed_)
    for (auto& cell : rows_[static_cast<std::size_t>(kind)]) {
      cell.committed += cell.change;
      cell.change = 0;
    }
  changed_.clear();
  in_flight_.committed += std::exchange(in_flight_.change, 0);
  minutes_.on_commit(in_flight_.committed);
}

void status_counters::on_rollback(bool /*unfinished*/) noexcept {
  for (const auto kind : changed_)
    for (auto& cell : rows_[static_cast<std::size_t>(kind)])
      cell.change = 0;
  changed_.clear();
  in_flight_.change = 0;
  all_are_used_ = false;
  minutes_.on_rollback();
}

std::optional<std::int64_t>
status_counters::find_unused(std::span<const std::int64_t> kinds) {
  const auto found = std::ranges::find_if(kinds, [this](std::int64_t kind) {
    return is_unused(kind);
  });
  all_are_used_ = found == kinds.end();
  return all_are_used_ ? std::nullopt : std::optional{*found};
}

bool status_counters::is_unused(std::int64_t kind) const {
  const auto index = static_cast<std::size_t>(kind);
  return index >= rows_.size()
         || std::ranges::all_of(rows_[index], [](const count& x) {
              return x.committed + x.change == 0;
            });
}

counts_reply status_counters::snapshot(const name_table& names) const {
  counts_reply reply;
  for (std::size_t kind = 0; kind < rows_.size(); ++kind) {
    const auto* const name = names.find(static_cast<std::int64_t>(kind));
    for (std::size_t status = 0; status < rows_[kind].size(); ++status) {
      const auto& cell = rows_[kind][status];
      if (const auto n = cell.committed + cell.change; n != 0)
        reply.counts.push_back({name == nullptr ? other_kinds : *name,
                                static_cast<tracking_status>(status), n});
    }
  }
  std::ranges::sort(reply.counts, [](const auto& a, const auto& b) {
    return std::tie(a.kind, a.status) < std::tie(b.kind, b.status);
  });
  return reply;
}

status_counters::row& status_counters::row_of(std::int64_t kind) {
  const auto index = static_cast<std::size_t>(kind);
  if (index >= rows_.size())
    rows_.resize(index + 1);
  return rows_[index];
}

} // namespace waybill
