// The contract once more, in memory: obeyed by being simple.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill::test {

/// What the store must show. Requests must be acceptable.
class model {
public:
  enqueue_reply apply(const record_enqueue& x, timestamp now) {
    const auto [at, is_new] = rows.try_emplace(x.id);
    if (!is_new)
      return {enqueue_outcome::duplicate};
    numbers[x.id] = ++last_number;
    auto& row = at->second;
    row.id = x.id;
    row.kind = x.kind;
    row.target_summary = x.target_summary;
    row.source_instance_id = x.source_instance_id;
    row.source_script = x.source_script;
    row.source_node = x.source_node;
    row.created_at = row.updated_at = now;
    return {enqueue_outcome::inserted};
  }

  update_reply apply(const record_attempt& x, timestamp now) {
    if (const auto at = rows.find(x.id);
        at != rows.end() && is_in_flight(at->second.status)
        && x.retry_count < at->second.retry_count)
      return {update_outcome::applied}; // before
    return update(x, now, [&](auto& row) {
      if (x.status == tracking_status::retrying)
        row.status = x.status;
      row.retry_count = x.retry_count;
    });
  }

  update_reply apply(const record_terminal& x, timestamp now) {
    return update(x, now, [&](auto& row) {
      row.status = x.status;
      row.terminal_at = row.updated_at;
    });
  }

  status_reply apply(const get_status& x, timestamp) const {
    const auto at = rows.find(x.id);
    if (at == rows.end())
      return {};
    return {at->second};
  }

  purge_reply apply(const purge_terminal& x, timestamp) {
    return {
      static_cast<std::int64_t>(std::erase_if(rows, [&](const auto& entry) {
        const auto& row = entry.second;
        return row.terminal_at && *row.terminal_at < x.older_than
               && (!x.not_before || *row.terminal_at >= *x.not_before)
               && (!x.status || *x.status == row.status);
      }))};
  }

  counts_reply apply(const get_counts&, timestamp now) const {
    std::map<std::pair<std::string, tracking_status>, std::int64_t> sums;
    for (const auto& [id, row] : rows)
      ++sums[{row.kind, row.status}];
    counts_reply result;
    for (const auto& [key, n] : sums)
      result.counts.push_back({key.first, key.second, n});
    const auto first = [&](auto&& counts, auto&& less) {
      const tracking_status_snapshot* found = nullptr;
      for (const auto& [id, row] : rows)
        if (counts(row) && (found == nullptr || less(row, *found)))
          found = &row;
      return found;
    };
    // The first recorded whose time has come; no age is below zero.
    if (const auto* const x
        = first([](const auto& row) { return is_in_flight(row.status); },
                [&](const auto& a, const auto& b) {
                  return std::pair{a.created_at > now, numbers.at(a.id)}
                         < std::pair{b.created_at > now, numbers.at(b.id)};
                }))
      result.oldest_in_flight = std::min(x->created_at, now);
    if (const auto* const x = first(
          [](const auto& row) { return row.status == tracking_status::parked; },
          [](const auto& a, const auto& b) {
            return a.terminal_at < b.terminal_at;
          }))
      result.oldest_parked = std::min(*x->terminal_at, now);
    return result;
  }

  std::map<tracked_operation_id, tracking_status_snapshot> rows;
  /// The order in which they were recorded.
  std::map<tracked_operation_id, std::int64_t> numbers;
  std::int64_t last_number = 0;

private:
  template <class Request, class F>
  update_reply update(const Request& x, timestamp now, F&& change) {
    const auto at = rows.find(x.id);
    if (at == rows.end())
      return {update_outcome::not_found};
    auto& row = at->second;
    if (row.terminal_at)
      return {update_outcome::already_terminal};
    row.last_error = x.last_error;
    row.http_status = x.http_status;
    row.updated_at = std::max(now, row.updated_at);
    change(row);
    return {update_outcome::applied};
  }
};

} // namespace waybill::test
