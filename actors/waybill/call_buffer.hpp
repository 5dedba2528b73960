// The calls that a store-and-forward actor has taken and not yet seen through.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "waybill/attempt_places.hpp"
#include "waybill/call_sender.hpp"
#include "waybill/order_keys.hpp"
#include "waybill/protocol.hpp"
#include "waybill/timer_queue.hpp"

namespace waybill {

enum class call_phase : std::uint8_t {
  recording,       // the tracker is asked to keep it
  ready,           // waits for a worker
  held,            // is due, but somebody is about to discard it
  beginning,       // the tracker is asked to let an attempt begin
  delivering,      // a worker is at it
  reporting_retry, // the tracker is told of a failed attempt
  backing_off,     // waits for the next attempt's time
  reporting_end,   // the tracker is told how it ended
};

/// Whether nothing is under way for a call, except for a timer.
constexpr bool is_waiting(call_phase x) noexcept {
  return x == call_phase::ready || x == call_phase::held
         || x == call_phase::backing_off;
}

/// A call in memory, without its payload. In all phases but `delivering`,
/// `ready` and `held` either a request to the tracker or a timer is under way
/// for it, never two.
struct tracked_call {
  tracked_operation_id id;
  /// Its number in the store; none while it is recorded.
  std::int64_t seq = 0;
  call_phase phase = call_phase::recording;
  /// The running attempt's number, or the next one's.
  std::int32_t attempt = 1;
  /// How many attempts a crash has ended.
  std::int32_t interruptions = 0;
  timer_queue::time_point due{};
  /// No attempt begins from then on.
  std::optional<timestamp> expires;
  std::size_t priority = 1;
  std::optional<std::string> order_key;
  /// Whether it is its turn with that; see order_keys.
  bool has_key = false;
  /// What it has of those who deliver, from `beginning` to the attempt's end;
  /// while it is recorded, if its first attempt begins with that.
  std::optional<attempt_place> at_work;
  /// Discarded while an attempt ran or was reported.
  bool terminal = false;
  /// Those who wait for the recording.
  std::vector<call_sender> senders;
  std::optional<timer_queue::entry> timer;
  /// Where it is among the ready ones.
  std::list<tracked_call*>::iterator place{};
};

/// The heads of the calls that are in memory, bounded by their number. A call
/// stays where it is until `forget` or `leave_in_store`.
class call_buffer {
public:
  /// @param timers the queue that calls have their timers in; must live longer.
  call_buffer(std::int64_t max_calls, timer_queue& timers)
    : max_calls_{max_calls}, timers_{&timers} {}

  [[nodiscard]] bool empty() const noexcept { return calls_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }

  /// How many others there is room for, besides those that are being recorded.
  [[nodiscard]] std::int64_t room() const noexcept {
    return max_calls_ - static_cast<std::int64_t>(size())
           + in(call_phase::recording);
  }

  /// Why a call is not taken; none if it is, or is known.
  [[nodiscard]] std::optional<failure> refusal_of(const forward_call& x,
                                                  bool stopping) const {
    if (auto fault = find_fault(x))
      return failure{errc::invalid_request, std::move(*fault)};
    if (stopping)
      return failure{errc::stopped, "store-and-forward is stopping; not taken"};
    if (in(call_phase::recording) >= max_calls_ && !calls_.contains(x.id))
      return failure{errc::overloaded,
                     "too many calls wait to be recorded; not taken"};
    return std::nullopt;
  }

  /// Those that are ready are taken to be held back.
  /// @param calls in the store.
  [[nodiscard]] backlog_reply backlog(std::int64_t calls) const {
    return {.calls = calls,
            .delivering = in(call_phase::delivering),
            .backing_off = in(call_phase::reporting_retry)
                           + in(call_phase::backing_off),
            .held_back = in(call_phase::ready)};
  }

  [[nodiscard]] tracked_call* find(const tracked_operation_id& id) {
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : &found->second;
  }

  /// One that is to be recorded. @pre it is not here.
  tracked_call& add(const tracked_operation_id& id) {
    auto& c = calls_[id];
    c.id = id;
    ++in_phase_.at(index(c.phase));
    return c;
  }

  /// Whether it is a call's turn: nobody else has its order key.
  /// @param others whether the store may have others with that.
  bool take_key(tracked_call& c, bool others) {
    if (c.order_key && !c.has_key)
      c.has_key = keys_.take(*c.order_key, c.id, others);
    return c.has_key || !c.order_key;
  }

  order_keys& keys() noexcept { return keys_; }

  /// Another sender of a known call: waits for its recording, or is answered.
  void add_sender(tracked_call& c, call_sender sender) {
    if (c.phase != call_phase::recording)
      sender.answer(c.terminal ? forward_outcome::already_terminal
                               : forward_outcome::already_accepted);
    else if (num_waiting_again_ >= max_calls_)
      sender.refuse({errc::overloaded, "too many wait for a recording"});
    else {
      ++num_waiting_again_;
      c.senders.push_back(std::move(sender));
    }
  }

  /// Answers those who wait for the recording: the first sender's call it is,
  /// the others came with the same.
  void answer_senders(tracked_call& c, forward_reply reply) {
    for (auto& to : take_senders(c)) {
      to.answer(reply);
      if (reply.outcome == forward_outcome::accepted)
        reply.outcome = forward_outcome::already_accepted;
    }
  }

  /// Tells them what the tracker has said.
  /// @returns whether it keeps the call.
  bool answer_senders(tracked_call& c, const take_reply& x) {
    if (x.outcome == take_outcome::refused)
      refuse_senders(c, {errc::overloaded, x.reason});
    else if (x.outcome == take_outcome::already_terminal)
      answer_senders(c, forward_reply{forward_outcome::already_terminal});
    else if (x.outcome == take_outcome::duplicate)
      answer_senders(c, forward_reply{forward_outcome::duplicate, x.purged});
    else // one that is known may have been taken by an earlier try
      answer_senders(c, forward_reply{forward_outcome::accepted});
    return x.outcome != take_outcome::refused
           && x.outcome != take_outcome::already_terminal
           && x.outcome != take_outcome::duplicate;
  }

  void refuse_senders(tracked_call& c, const failure& why) {
    for (auto& to : take_senders(c))
      to.refuse(why);
  }

  /// Takes a call to its next phase; a timer of the one before is cancelled.
  void enter(tracked_call& c, call_phase next) {
    leave(c);
    c.phase = next;
    ++in_phase_.at(index(next));
    if (next == call_phase::ready)
      c.place = line_of(c).insert(line_of(c).end(), &c);
    if (next == call_phase::beginning)
      ++picks_;
  }

  [[nodiscard]] bool has_ready() const noexcept {
    return !interrupted_.empty()
           || std::ranges::any_of(ready_, [](const auto& line) {
                return !line.empty();
              });
  }

  /// The one of the highest priority that has been ready for longest, every 8th
  /// time the oldest of all, so that none waits for ever; null if none is.
  [[nodiscard]] tracked_call* first_ready() {
    tracked_call* first = nullptr;
    for (const auto& line : ready_) {
      if (line.empty())
        continue;
      auto* const c = line.front();
      if (first == nullptr || picks_ % 8 != 7 || c->seq < first->seq)
        first = c;
    }
    return first;
  }

  /// The same of those that a crash has interrupted.
  [[nodiscard]] tracked_call* first_interrupted() {
    return interrupted_.empty() ? nullptr : interrupted_.front();
  }

  /// It has ended, or is not to be tried by this process.
  void forget(tracked_call& c) {
    if (c.has_key)
      keys_.end(*c.order_key);
    erase(c);
  }

  /// It waits in the store alone for now.
  void leave_in_store(tracked_call& c) {
    if (c.has_key)
      keys_.leave(*c.order_key);
    erase(c);
  }

  /// An operation has become terminal: no attempt begins any more.
  void call_off(const tracked_operation_id& id) {
    auto* const c = find(id);
    if (c == nullptr || c->phase == call_phase::recording)
      return; // a new one of this id; its recording will tell
    if (is_waiting(c->phase))
      forget(*c);
    else
      c->terminal = true;
  }

  /// Forgets those that wait.
  void forget_waiting() {
    std::vector<tracked_call*> waiting;
    for (auto& [id, c] : calls_)
      if (is_waiting(c.phase))
        waiting.push_back(&c);
    for (auto* const c : waiting)
      forget(*c);
  }

  /// Forgets all. @pre there are no timers any more.
  void clear() {
    for (auto& line : ready_)
      line.clear();
    interrupted_.clear();
    keys_.clear();
    calls_.clear();
  }

private:
  static std::size_t index(call_phase x) noexcept {
    return static_cast<std::size_t>(x);
  }

  [[nodiscard]] std::int64_t in(call_phase x) const {
    return in_phase_.at(index(x));
  }

  std::list<tracked_call*>& line_of(const tracked_call& c) {
    return c.interruptions > 0 ? interrupted_ : ready_.at(c.priority);
  }

  // The first one first.
  std::vector<call_sender> take_senders(tracked_call& c) {
    auto senders = std::exchange(c.senders, {});
    if (!senders.empty()) // the first one came with the call
      num_waiting_again_ -= static_cast<std::int64_t>(senders.size()) - 1;
    return senders;
  }

  void erase(tracked_call& c) {
    leave(c);
    calls_.erase(tracked_operation_id{c.id}); // not by what it erases
  }

  void leave(tracked_call& c) {
    --in_phase_.at(index(c.phase));
    if (c.phase == call_phase::ready)
      line_of(c).erase(c.place);
    if (c.timer)
      timers_->cancel(*std::exchange(c.timer, std::nullopt));
  }

  const std::int64_t max_calls_;
  timer_queue* const timers_;
  std::unordered_map<tracked_operation_id, tracked_call> calls_;
  order_keys keys_;
  std::array<std::list<tracked_call*>, limits::max_priority + 1> ready_;
  std::list<tracked_call*> interrupted_;
  std::uint64_t picks_ = 0;
  std::array<std::int64_t, 8> in_phase_{};
  // Senders of calls that others sent before.
  std::int64_t num_waiting_again_ = 0;
};

} // namespace waybill
