// Requests that wait for operations to finish.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "waybill/protocol.hpp"
#include "waybill/timer_queue.hpp"
#include "waybill/waiter_book.hpp"

namespace waybill {

/// The waits of a tracking actor. They cost a transition nothing while there
/// are none, and one look-up by id otherwise.
class open_waits {
public:
  using promise = caf::typed_response_promise<wait_reply>;
  using serial = std::uint64_t;

  struct wait {
    await_terminal request;
    promise to;
    waiter_book::number waiter = 0;
    /// What has not finished yet.
    std::unordered_set<tracked_operation_id> pending;
    std::optional<timer_queue::entry> timer;
  };

  [[nodiscard]] bool is_empty() const noexcept { return waits_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return waits_.size(); }
  /// How many operations are waited for, each as often as it is.
  [[nodiscard]] std::size_t num_ids() const noexcept { return num_ids_; }

  serial add(wait x) {
    num_ids_ += x.request.ids.size();
    waits_.emplace(++last_, std::move(x));
    return last_;
  }

  [[nodiscard]] wait* find(serial x) {
    const auto at = waits_.find(x);
    return at == waits_.end() ? nullptr : &at->second;
  }

  /// `id` has to finish before the wait is over.
  void expect(serial x, const tracked_operation_id& id) {
    if (waits_.at(x).pending.insert(id).second)
      by_id_[id].insert(x);
  }

  /// `id` has finished.
  /// @returns the waits that are over by that.
  std::vector<serial> finish(const tracked_operation_id& id) {
    std::vector<serial> over;
    const auto found = by_id_.extract(id);
    if (!found)
      return over;
    for (const auto number : found.mapped()) {
      auto& x = waits_.at(number);
      x.pending.erase(id);
      if (x.pending.empty() || x.request.mode == wait_mode::any_of)
        over.push_back(number);
    }
    return over;
  }

  /// Takes a wait out, to be answered.
  wait take(serial x) {
    expect_nothing(x);
    auto taken = std::move(waits_.extract(x).mapped());
    num_ids_ -= taken.request.ids.size();
    return taken;
  }

  /// Undoes all `expect`.
  void expect_nothing(serial x) {
    for (const auto& id : std::exchange(waits_.at(x).pending, {})) {
      const auto at = by_id_.find(id);
      if (at == by_id_.end())
        continue; // memory ran out in between
      at->second.erase(x);
      if (at->second.empty())
        by_id_.erase(at);
    }
  }

  /// All waits of those who are `gone`.
  [[nodiscard]] std::vector<serial>
  of(const std::vector<waiter_book::number>& gone) const {
    std::vector<serial> theirs;
    if (gone.empty())
      return theirs;
    const std::unordered_set<waiter_book::number> all{gone.begin(), gone.end()};
    for (const auto& [number, x] : waits_)
      if (all.contains(x.waiter))
        theirs.push_back(number);
    return theirs;
  }

  [[nodiscard]] std::vector<serial> all() const {
    std::vector<serial> numbers;
    for (const auto& each : waits_)
      numbers.push_back(each.first);
    return numbers;
  }

private:
  serial last_ = 0;
  std::size_t num_ids_ = 0;
  std::unordered_map<serial, wait> waits_;
  std::unordered_map<tracked_operation_id, std::unordered_set<serial>> by_id_;
};

} // namespace waybill
