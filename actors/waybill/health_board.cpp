#include "waybill/health_board.hpp"

#include <string>

#include "waybill/duration_text.hpp"

namespace waybill {

namespace {

const char* text_of_work(disk_work x) noexcept {
  switch (x) {
    case disk_work::sync:
      return "a sync";
    case disk_work::checkpoint:
      return "a checkpoint";
    default:
      return "a request";
  }
}

} // namespace

void health_board::show(health_reply x) {
  const std::lock_guard guard{mutex_};
  std::swap(shown_, x);
}

health_reply health_board::read(const admission& waiting) const {
  health_reply x;
  {
    const std::lock_guard guard{mutex_};
    x = shown_;
  }
  breakers_->add_to(x);
  x.restarts = restarts_;
  x.waiting_requests = waiting.requests();
  x.waiting_bytes = waiting.bytes();
  x.batches = batches_.load(std::memory_order_relaxed);
  x.batched_requests = batched_requests_.load(std::memory_order_relaxed);
  x.wal_bytes = log_bytes_.load(std::memory_order_relaxed);
  if (const auto damage = listener_->damage();
      damage && x.state != health_state::failed) {
    x.state = health_state::failed;
    x.reason = damage->what();
    x.since = timestamp::now();
    x.last_error = damage->what();
  }
  if (x.state != health_state::failed)
    add_hanging_work(x);
  return x;
}

void health_board::add_hanging_work(health_reply& x) const {
  const auto work = work_.load();
  auto what = static_cast<disk_work>(work % 4);
  auto since = what == disk_work::none ? INT64_MAX : work / 4;
  if (const auto sync = sync_since_.load(); sync != 0 && sync < since) {
    what = disk_work::sync;
    since = sync;
  }
  if (what == disk_work::none)
    return;
  const std::chrono::nanoseconds took{ns(clock::now()) - since};
  if (took < long_time)
    return;
  using std::chrono::duration_cast;
  x.state = health_state::degraded;
  x.reason = std::string{text_of_work(what)} + " has been running for "
             + to_text(duration_cast<std::chrono::milliseconds>(
               duration_cast<std::chrono::seconds>(took)));
  // Not by the host's clock, which may keep the actor waiting itself.
  x.since = timestamp::now() - duration_cast<std::chrono::microseconds>(took);
}

} // namespace waybill
