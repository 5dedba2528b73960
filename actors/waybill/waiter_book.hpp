// Who is owed an answer that may take long, and who of them has died meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "waybill/caf_seam.hpp"

namespace waybill {

/// Numbers senders, and hears of their ends. CAF cannot take an attached
/// function back, so that each sender gets one, however often it asks.
class waiter_book {
public:
  /// 0 for who has no name and can hear no answer.
  using number = std::uint64_t;

  /// @param on_end called in any thread when one of them has ended.
  explicit waiter_book(std::function<void()> on_end = [] {})
    : ended_{std::make_shared<ended_senders>(std::move(on_end))} {}

  number number_of(const caf::strong_actor_ptr& sender) {
    if (!sender)
      return 0;
    const auto address = caf::actor_cast<caf::actor_addr>(sender);
    const auto [at, is_new] = numbers_.try_emplace(address, last_ + 1);
    if (!is_new)
      return at->second;
    ++last_;
    addresses_.emplace(last_, address);
    caf::actor_cast<caf::actor>(sender)->attach_functor(
      [ended = ended_, who = last_](const caf::error&) {
        {
          const std::lock_guard guard{ended->mutex};
          ended->numbers.push_back(who);
        }
        ended->on_end();
      });
    return last_;
  }

  /// Null if there is none of that number, or it has ended.
  [[nodiscard]] caf::strong_actor_ptr find(number who) const {
    const auto at = addresses_.find(who);
    return at == addresses_.end()
             ? nullptr
             : caf::actor_cast<caf::strong_actor_ptr>(at->second);
  }

  /// Those who have ended since the last call.
  std::vector<number> take_ended() {
    std::vector<number> gone;
    {
      const std::lock_guard guard{ended_->mutex};
      std::swap(gone, ended_->numbers);
    }
    for (const auto who : gone)
      if (auto at = addresses_.extract(who))
        numbers_.erase(at.mapped());
    return gone;
  }

private:
  // Shared with the attached functions, which may run in any thread.
  struct ended_senders {
    explicit ended_senders(std::function<void()> f) : on_end{std::move(f)} {}

    const std::function<void()> on_end;
    std::mutex mutex;
    std::vector<number> numbers;
  };

  number last_ = 0;
  std::map<caf::actor_addr, number> numbers_;
  std::map<number, caf::actor_addr> addresses_;
  std::shared_ptr<ended_senders> ended_;
};

} // namespace waybill
