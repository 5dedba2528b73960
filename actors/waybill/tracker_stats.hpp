// What a tracking actor counts of what it does.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "waybill/call_store.hpp"
#include "waybill/control_messages.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/options.hpp"
#include "waybill/stats.hpp"

namespace waybill {

/// The counters behind `get_stats`. What is applied counts when it is
/// committed.
class tracker_stats {
public:
  using clock = std::chrono::steady_clock;

  tracker_stats(timestamp since, const options& x)
    : windows_{x.retention_delivered, x.retention_parked, x.retention_failed,
               x.retention_discarded} {
    totals_.since = since;
  }

  /// What the requests of a batch did.
  struct tally {
    std::int64_t inserted = 0;
    std::int64_t duplicates = 0;
    std::int64_t attempts = 0;
    std::array<std::int64_t, 4> finished{};
    std::int64_t already_terminal = 0;
    std::int64_t not_found = 0;
    std::int64_t purged = 0;
  };

  // -- requests of the open batch ---------------------------------------------

  void applied(const record_enqueue&, const enqueue_reply& reply) noexcept {
    if (reply.outcome == enqueue_outcome::inserted)
      ++batch_.inserted;
    else
      ++batch_.duplicates;
  }

  void applied(const record_attempt&, const update_reply& reply) noexcept {
    if (reply.outcome == update_outcome::applied)
      ++batch_.attempts;
    else
      unchanged(reply);
  }

  void applied(const record_terminal& x, const update_reply& reply) noexcept {
    if (reply.outcome == update_outcome::applied)
      ++batch_.finished[index_of(x.status)];
    else
      unchanged(reply);
  }

  // -- the same of calls that are kept ----------------------------------------

  void applied(const take_call&, const take_reply& reply) noexcept {
    if (reply.outcome == take_outcome::taken)
      ++batch_.inserted;
    else
      ++batch_.duplicates;
  }

  void applied(const retry_call&, const update_reply& reply) noexcept {
    applied(record_attempt{}, reply);
  }

  void applied(const end_call& x, const update_reply& reply) noexcept {
    if (reply.outcome == update_outcome::applied)
      ++batch_.finished[index_of(x.status)];
    else
      unchanged(reply);
  }

  void applied(const open_target&, const target_reply& reply) noexcept {
    batch_.attempts += std::ssize(reply.interrupted);
    batch_.finished[index_of(tracking_status::parked)] += reply.parked;
  }

  void applied(const begin_call&, const begin_reply&) noexcept {}

  template <class Request>
  void applied(const Request&, const pause_reply&) noexcept {}

  void applied(const requeue&, const requeue_reply& reply) noexcept {
    batch_.inserted += std::ranges::count(reply.results,
                                          requeue_outcome::requeued,
                                          &requeue_result::outcome);
  }

  void applied(const discard_many&, const discard_reply& reply) noexcept {
    for (const auto& each : reply.results)
      if (each.outcome == discard_outcome::applied)
        ++batch_.finished[index_of(tracking_status::discarded)];
      else if (each.outcome == discard_outcome::not_found)
        ++batch_.not_found;
      else
        ++batch_.already_terminal;
  }

  void purged(std::int64_t rows) noexcept { batch_.purged += rows; }

  /// What the open batch has done; it starts with nothing again.
  tally take_batch() noexcept { return std::exchange(batch_, {}); }

  void committed(const tally& x, std::int64_t requests,
                 clock::duration took) noexcept {
    totals_.inserted += x.inserted;
    totals_.duplicates += x.duplicates;
    totals_.attempts += x.attempts;
    totals_.delivered += x.finished[0];
    totals_.parked += x.finished[1];
    totals_.failed += x.finished[2];
    totals_.discarded += x.finished[3];
    totals_.already_terminal += x.already_terminal;
    totals_.not_found += x.not_found;
    totals_.purged += x.purged;
    ++totals_.batches;
    totals_.batch_size.add(requests);
    totals_.commit_latency.add(to_us(took));
  }

  /// A step of a purge that had a transaction of its own.
  void purged_alone(std::int64_t rows) noexcept { totals_.purged += rows; }

  void rolled_back(std::int64_t requests, errc why) noexcept {
    (certainty_of(why) == certainty::unknown ? totals_.unknown
                                             : totals_.not_stored)
      += requests;
  }

  // -- other requests ---------------------------------------------------------

  void refused() noexcept { ++totals_.refused; }
  void asked() noexcept { ++totals_.status_questions; }

  // -- the mailbox ------------------------------------------------------------

  /// A message to the actor itself waits as long as a request that comes at
  /// the same time.
  static commit_tick stamped(commit_tick x) noexcept {
    x.sent_us = to_us(clock::now().time_since_epoch());
    return x;
  }

  void waited(const commit_tick& x) noexcept {
    totals_.queue_latency.add(to_us(clock::now().time_since_epoch())
                              - x.sent_us);
  }

  // -- the answer -------------------------------------------------------------

  [[nodiscard]] const stats_reply& totals() const noexcept { return totals_; }

  /// Adds what `store` shows.
  void read_store(operation_tracking_store& store, timestamp now,
                  stats_reply& x) const {
    const auto size = store.size();
    x.file_bytes = size.file_bytes;
    x.free_bytes = size.free_bytes;
    x.wal_bytes = size.log_bytes;
    const auto counts = store.get_counts(now);
    x.oldest_in_flight = counts.oldest_in_flight;
    x.oldest_parked = counts.oldest_parked;
    std::array<std::int64_t, num_tracking_statuses> by_status{};
    for (const auto& each : counts.counts)
      by_status[static_cast<std::size_t>(each.status)] += each.operations;
    for (std::size_t i = 0; i < by_status.size(); ++i)
      if (by_status[i] != 0)
        x.operations.push_back({static_cast<tracking_status>(i), by_status[i]});
    store.calls().describe(x);
    for (std::size_t i = 0; i < windows_.size(); ++i)
      if (const auto oldest = store.oldest_finished(
            static_cast<tracking_status>(i + first_terminal));
          oldest && windows_[i])
        x.purge_lag_us = std::max(
          x.purge_lag_us, std::int64_t{(now - *oldest - *windows_[i]).count()});
  }

private:
  static constexpr std::size_t first_terminal
    = static_cast<std::size_t>(tracking_status::delivered);

  static std::size_t index_of(tracking_status x) noexcept {
    return static_cast<std::size_t>(x) - first_terminal;
  }

  static std::int64_t to_us(clock::duration x) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(x).count();
  }

  void unchanged(const update_reply& reply) noexcept {
    if (reply.outcome == update_outcome::already_terminal)
      ++batch_.already_terminal;
    else
      ++batch_.not_found;
  }

  std::array<retention_window, 4> windows_;
  tally batch_;
  stats_reply totals_;
};

} // namespace waybill
