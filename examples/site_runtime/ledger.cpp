#include "site_runtime/ledger.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace site_runtime {

using waybill::tracked_operation_id;
using waybill::tracking_status;
using waybill::tracking_status_snapshot;

std::int64_t status_counts::in_flight() const {
  return (*this)[tracking_status::submitted]
         + (*this)[tracking_status::retrying];
}

std::int64_t status_counts::finished() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0})
         - in_flight();
}

status_counts& status_counts::operator+=(const status_counts& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i)
    counts_.at(i) += other.counts_.at(i);
  return *this;
}

std::chrono::microseconds
duration_of(const tracking_status_snapshot& snapshot) {
  return snapshot.terminal_at.value_or(snapshot.created_at)
         - snapshot.created_at;
}

std::optional<std::int64_t> ledger::open(const tracked_operation_id& id,
                                         const std::string& kind,
                                         std::int64_t line) {
  const auto [at, is_new] = lines_.try_emplace(id, line);
  if (!is_new)
    return at->second;
  const auto figures = kinds_.try_emplace(kind).first;
  ++figures->second.counts[tracking_status::submitted];
  open_.emplace(line, account{.id = id, .kind = figures});
  return std::nullopt;
}

void ledger::withdraw(const tracked_operation_id& id) {
  const auto at = find(id);
  if (at == open_.end())
    return;
  --at->second.kind->second.counts[at->second.status];
  open_.erase(at);
  lines_.erase(id);
}

void ledger::update(const waybill::transition& step) {
  if (const auto at = find(step.id); at != open_.end())
    advance(at->second, step.status, step.retry_count);
}

void ledger::update(const tracking_status_snapshot& snapshot) {
  const auto at = find(snapshot.id);
  if (at == open_.end())
    return;
  auto& [line, x] = *at;
  advance(x, snapshot.status, snapshot.retry_count);
  if (!is_terminal(snapshot.status))
    return;

  ++attempts_[x.attempts];
  const noted entry{.snapshot = snapshot, .line = line};
  const auto slower = [](const noted& a, const noted& b) {
    return duration_of(a.snapshot) > duration_of(b.snapshot);
  };
  slowest_.insert(
    std::upper_bound(slowest_.begin(), slowest_.end(), entry, slower), entry);
  if (slowest_.size() > max_slowest)
    slowest_.pop_back();
  if (snapshot.status != tracking_status::delivered) {
    auto& list = undelivered_[snapshot.status];
    if (list.size() < max_noted)
      list.push_back(entry);
  }
  open_.erase(at);
}

std::vector<tracked_operation_id> ledger::first_open(std::size_t most) const {
  std::vector<tracked_operation_id> ids;
  for (const auto& [line, x] : open_) {
    if (ids.size() == most)
      break;
    ids.push_back(x.id);
  }
  return ids;
}

ledger::open_accounts::iterator ledger::find(const tracked_operation_id& id) {
  const auto line = lines_.find(id);
  return line == lines_.end() ? open_.end() : open_.find(line->second);
}

void ledger::advance(account& x, tracking_status status,
                     std::int32_t retry_count) {
  auto& figures = x.kind->second;
  --figures.counts[std::exchange(x.status, status)];
  ++figures.counts[status];
  const auto ended = std::int64_t{retry_count} + (is_terminal(status) ? 1 : 0);
  figures.attempts += ended - std::exchange(x.attempts, ended);
}

status_counts ledger::counts() const {
  status_counts sum;
  for (const auto& [kind, figures] : kinds_)
    sum += figures.counts;
  return sum;
}

std::vector<ledger::noted> ledger::ended_in(tracking_status status) const {
  const auto at = undelivered_.find(status);
  if (at == undelivered_.end())
    return {};
  auto list = at->second;
  std::sort(list.begin(), list.end(),
            [](const noted& a, const noted& b) { return a.line < b.line; });
  return list;
}

} // namespace site_runtime
