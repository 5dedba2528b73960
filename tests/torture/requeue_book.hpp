// What operators of row 20 requeue, and what they have been told of that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "torture/forward_oracle.hpp"
#include "waybill/requeue_messages.hpp"

namespace waybill::torture {

/// Knows the last successor of each call that operators of this process have
/// heard of. What they are told is noted at once: a kill must not undo it.
class requeue_book {
public:
  /// @param takes whether calls are taken meanwhile.
  requeue_book(mapped_forward_oracle& seen, std::uint64_t seed, bool takes)
    : seen_{seen}, random_{seed}, takes_{takes} {}

  /// Wishes for up to `most` calls that may have failed, the latest ones
  /// mostly.
  requeue some(std::size_t most) {
    const std::uint32_t end = std::min(seen_->next.load(), num_forwarded);
    requeue x;
    for (std::size_t tries = 0; tries < 8 * most && x.ids.size() < most;
         ++tries) {
      const auto among = random_() % 4 == 0 ? end : std::min(end, 64U);
      if (among == 0)
        break;
      add(x, end - 1 - static_cast<std::uint32_t>(random_() % among));
    }
    return x;
  }

  /// For call `n`.
  requeue one(std::uint32_t n) {
    requeue x;
    add(x, n);
    return x;
  }

  /// For the next ones from call `n` on.
  /// @param n is moved behind them.
  requeue next(std::uint32_t& n, std::size_t most) {
    const std::uint32_t end = std::min(seen_->next.load(), num_forwarded);
    requeue x;
    for (; n < end && x.ids.size() < most; ++n)
      add(x, n);
    return x;
  }

  void note(const requeue& asked, const requeue_reply& reply) {
    for (std::size_t i = 0; i < asked.ids.size(); ++i)
      note(asked.ids[i], reply.results.at(i));
  }

  /// Whether nothing is left to be requeued, as far as the answers tell.
  [[nodiscard]] bool is_settled() const {
    const std::uint32_t end = std::min(seen_->next.load(), num_forwarded);
    for (std::uint32_t n = 0; n < end; ++n)
      if (const auto at = calls_.find(n);
          call_plan{n}.is_requeued()
          && (at == calls_.end() || !at->second.is_over))
        return false;
    return true;
  }

private:
  struct chain {
    std::vector<tracked_operation_id> ids; // each one's successor behind it
    bool is_over = false;
  };

  chain& chain_of(std::uint32_t n) {
    auto& x = calls_[n];
    if (x.ids.empty())
      whose_.emplace(x.ids.emplace_back(call_plan{n}.id()), n);
    return x;
  }

  void add(requeue& x, std::uint32_t n) {
    if (!call_plan{n}.is_requeued())
      return;
    const auto& last = chain_of(n);
    if (!last.is_over)
      x.ids.push_back(last.ids.back());
  }

  void note(const tracked_operation_id& asked, const requeue_result& x) {
    const auto n = whose_.at(asked);
    auto& mine = chain_of(n);
    if (!x.successor) {
      // What is not there was never taken: its sender was killed.
      const auto is_over = x.outcome == requeue_outcome::delivered
                           || (x.outcome == requeue_outcome::not_found
                               && !takes_);
      const auto is_wrong = !is_over && x.outcome != requeue_outcome::not_found
                            && x.outcome != requeue_outcome::in_flight;
      seen_->other_outcomes += is_wrong && !mine.is_over ? 1 : 0;
      mine.is_over = mine.is_over || is_over || is_wrong;
      return;
    }
    const auto at = std::ranges::find(mine.ids, asked) + 1;
    if (at != mine.ids.end()) {
      seen_->other_successors += *at != *x.successor ? 1 : 0;
      return;
    }
    mine.ids.push_back(*x.successor);
    whose_.emplace(*x.successor, n);
    auto& told = seen_->calls.at(n).successors;
    const auto count = static_cast<std::uint32_t>(mine.ids.size() - 1);
    told = std::max(told.load(), count);
  }

  mapped_forward_oracle& seen_;
  std::mt19937_64 random_;
  const bool takes_;
  std::map<std::uint32_t, chain> calls_;
  std::map<tracked_operation_id, std::uint32_t> whose_;
};

} // namespace waybill::torture
