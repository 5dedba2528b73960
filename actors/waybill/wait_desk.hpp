// Requests that wait for operations to finish: what they wait for, until when,
// and which of them have something to read.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "waybill/options.hpp"
#include "waybill/owed_answer.hpp"
#include "waybill/timer_queue.hpp"
#include "waybill/wait_shares.hpp"
#include "waybill/waiter_book.hpp"

namespace waybill {

/// The waits of a tracking actor. They cost a transition nothing while there
/// are none, and one look-up by id otherwise.
///
/// It reads no store: while no batch is open, `next()` names one wait after the
/// other, and the caller reads what it waits for and says what it has seen.
class wait_desk {
public:
  using promise = caf::typed_response_promise<wait_reply>;

  wait_desk(std::size_t max_ids, time_source clock)
    : clock_{std::move(clock)}, shares_{max_ids} {}

  wait_desk(const wait_desk&) = delete; // its timers know where it is
  wait_desk& operator=(const wait_desk&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return waits_.size(); }

  /// Begins a wait. With no batch open it is the next to be read.
  /// @throws store_error `overloaded` if wait_shares has no room for it.
  void add(const await_terminal& x, promise to,
           const caf::strong_actor_ptr& asker) {
    forget_dead();
    shares_.require_room(x.ids.size());
    const auto who = waiters_.number_of(asker);
    shares_.require_share(who, x.ids.size());
    new_.reserve(new_.size() + 1);
    wait added{x, std::move(to), who, {}, std::nullopt};
    if (!asker) // who has no name can hear no answer
      added.request.deadline.reset();
    waits_.emplace(last_ + 1, std::move(added));
    shares_.take(who, x.ids.size());
    new_.push_back(++last_);
  }

  /// Forgets the waits of those who have died.
  void forget_dead() {
    const auto dead = waiters_.take_ended();
    if (dead.empty())
      return;
    const std::unordered_set<waiter_book::number> gone{dead.begin(),
                                                       dead.end()};
    for (const auto number : numbers())
      if (gone.contains(waits_.at(number).waiter))
        take(number);
  }

  void refuse_all(const store_error& e) {
    for (const auto number : numbers())
      refuse(number, e);
  }

  // -- the open batch ---------------------------------------------------------

  /// It has finished an operation.
  void note_finished(const tracked_operation_id& id) {
    if (!waits_.empty())
      finished_.push_back(id);
  }

  /// It is undone.
  void forget_finished() noexcept { finished_.clear(); }

  /// Whether someone waits for its end.
  [[nodiscard]] bool awaits_batch() const noexcept {
    return !finished_.empty() || !new_.empty() || timers_are_due_;
  }

  // -- reading, with no batch open --------------------------------------------

  /// The wait whose operations are to be read now; null if there is none.
  /// Answer with `show()` or `fail()`.
  [[nodiscard]] const await_terminal* next() {
    for (;;) {
      if (due_.empty())
        find_due();
      if (due_.empty())
        return nullptr;
      current_ = due_.front();
      due_.pop_front();
      if (const auto at = waits_.find(current_.number); at != waits_.end())
        return &at->second.request;
    }
  }

  /// The committed states of what it waits for.
  void show(wait_reply reply) {
    reply.finished = current_.why == occasion::finished;
    if (current_.why == occasion::begun && !is_over(reply))
      return;
    take(current_.number).to.deliver(std::move(reply));
  }

  /// They cannot be read, which ends the wait.
  void fail(const store_error& e) {
    if (waits_.contains(current_.number))
      refuse(current_.number, e);
  }

  /// A commit that had ended without saying how is told by what is there now.
  void read_all_again() {
    for (const auto number : numbers()) {
      expect_nothing(number);
      due_.push_back({number, occasion::begun});
    }
  }

  // -- timers -----------------------------------------------------------------

  /// What has to be sent now for the actor to be woken in time.
  [[nodiscard]] std::optional<wake_up::message> take_wake_up() noexcept {
    return std::exchange(to_send_, std::nullopt);
  }

  /// A wake-up has come.
  /// @returns true if there is something to read by that.
  [[nodiscard]] bool wake(std::int64_t serial) {
    if (!wake_up_.is_for(serial))
      return false; // an earlier one was sent after it
    timers_are_due_ = true;
    return true;
  }

private:
  using wait_number = std::uint64_t;

  struct wait {
    await_terminal request;
    promise to;
    waiter_book::number waiter = 0;
    /// What has not finished yet.
    std::unordered_set<tracked_operation_id> pending;
    std::optional<timer_queue::entry> timer;
  };

  /// Why a wait is read.
  enum class occasion : std::uint8_t { begun, finished, late };

  struct due_wait {
    wait_number number = 0;
    occasion why = occasion::begun;
  };

  // Ends first, then those who came meanwhile, then deadlines.
  void find_due() {
    for (const auto& id : std::exchange(finished_, {}))
      finish(id);
    for (const auto number : std::exchange(new_, {}))
      due_.push_back({number, occasion::begun});
    if (!due_.empty() || !std::exchange(timers_are_due_, false))
      return;
    timers_.run(clock_.steady());
    forget_dead();
    set_wake_up();
  }

  // The waits that are over because `id` has finished.
  void finish(const tracked_operation_id& id) {
    const auto found = by_id_.extract(id);
    if (!found)
      return;
    for (const auto number : found.mapped()) {
      auto& x = waits_.at(number);
      x.pending.erase(id);
      if (x.pending.empty() || x.request.mode == wait_mode::any_of)
        due_.push_back({number, occasion::finished});
    }
  }

  // Of one that begins. If it is not over, it has its timer, and is found by
  // what it waits for.
  bool is_over(wait_reply& reply) {
    const auto number = current_.number;
    auto& x = waits_.at(number);
    std::size_t finished = 0;
    for (std::size_t i = 0; i < x.request.ids.size(); ++i) {
      const auto& found = reply.operations[i].snapshot;
      if (found ? is_terminal(found->status) : !x.request.until_recorded)
        ++finished;
      else if (x.pending.insert(x.request.ids[i]).second)
        by_id_[x.request.ids[i]].insert(number);
    }
    reply.finished = finished == x.request.ids.size()
                     || (x.request.mode == wait_mode::any_of && finished > 0);
    if (reply.finished)
      return true;
    const auto left = clock_.time_until(x.request.deadline);
    if (left <= std::chrono::microseconds{0})
      return true;
    if (x.timer)
      return false;
    x.timer = timers_.add(clock_.steady() + left, [this, number] {
      waits_.at(number).timer.reset();
      due_.push_back({number, occasion::late});
    });
    set_wake_up();
    return false;
  }

  void set_wake_up() {
    if (const auto x = wake_up_.arm(timers_, clock_.steady()))
      to_send_ = x;
  }

  void expect_nothing(wait_number number) {
    for (const auto& id : std::exchange(waits_.at(number).pending, {})) {
      const auto at = by_id_.find(id);
      if (at == by_id_.end())
        continue; // memory ran out in between
      at->second.erase(number);
      if (at->second.empty())
        by_id_.erase(at);
    }
  }

  void refuse(wait_number number, const store_error& e) {
    take(number).to.deliver(to_error(code_for_question(e.code()), e.what()));
  }

  wait take(wait_number number) {
    expect_nothing(number);
    auto x = std::move(waits_.extract(number).mapped());
    shares_.give_back(x.waiter, x.request.ids.size());
    if (x.timer)
      timers_.cancel(*x.timer);
    return x;
  }

  [[nodiscard]] std::vector<wait_number> numbers() const {
    std::vector<wait_number> all;
    for (const auto& each : waits_)
      all.push_back(each.first);
    return all;
  }

  const time_source clock_;
  wait_number last_ = 0;
  wait_shares shares_;
  std::unordered_map<wait_number, wait> waits_;
  std::unordered_map<tracked_operation_id, std::unordered_set<wait_number>>
    by_id_;
  waiter_book waiters_;

  // Of the open batch: what it has finished, and who came to wait meanwhile.
  std::vector<tracked_operation_id> finished_;
  std::vector<wait_number> new_;
  bool timers_are_due_ = false; // to be run when it has ended

  std::deque<due_wait> due_;
  due_wait current_;

  timer_queue timers_;
  wake_up wake_up_;
  std::optional<wake_up::message> to_send_;
};

} // namespace waybill
