// Calls between two attempts: which wait in memory, for a worker or for a time,
// and which in the store alone.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "waybill/attempt_rules.hpp"
#include "waybill/call_buffer.hpp"
#include "waybill/control_messages.hpp"
#include "waybill/discard_desk.hpp"
#include "waybill/kept_calls.hpp"
#include "waybill/timer_queue.hpp"

namespace waybill {

/// Decides where a call waits, and what is to be read from the store next.
class waiting_calls {
public:
  /// All of them must live longer.
  waiting_calls(const forward_options& options, call_buffer& calls,
                const discard_desk& discards, timer_queue& timers)
    : options_{&options},
      calls_{&calls},
      discards_{&discards},
      timers_{&timers} {}

  /// The target has been opened.
  /// @param kept how many of its calls the store has.
  void opened(std::int64_t kept) noexcept {
    if (kept == 0)
      kept_.none_are_kept();
  }

  /// Nobody works for the target any more: calls stay in the store.
  void stop() {
    is_stopped_ = true;
    calls_->forget_waiting();
  }

  /// Whether one that is about to be taken may begin with that: those that have
  /// waited for longer come first.
  bool comes_first(tracked_call& c, const forward_call& x) {
    c.order_key = x.order_key;
    return calls_->take_key(c, false) && !is_stopped_ && !x.due
           && !calls_->has_ready() && kept_.are_all_here();
  }

  /// A call's head, as the store has it.
  void note(tracked_call& c, const call_head& x) const {
    c.seq = x.seq;
    c.attempt = x.attempt;
    c.interruptions = x.interruptions;
    c.expires = x.expires;
    c.priority = static_cast<std::size_t>(x.priority);
    c.order_key = x.order_key;
    c.due = now()
            + (x.due ? wait_until(*options_, *x.due, x.attempt)
                     : std::chrono::milliseconds::zero());
  }

  /// One that has been taken, and begins no attempt yet. It must not overtake
  /// those that are in the store alone.
  void wait_as_new(tracked_call& c) {
    if (is_stopped_) {
      calls_->forget(c);
    } else if (!calls_->take_key(c, true)) {
      calls_->leave_in_store(c);
    } else if (c.due <= now() && kept_.may_be_left(c.seq)
               && (calls_->room() <= 0 || !kept_.are_all_here())) {
      kept_.left_behind();
      calls_->leave_in_store(c);
    } else {
      wait(c);
    }
  }

  /// The next attempt may begin, once it is due. One that has time waits in the
  /// store, so that it keeps no others from memory.
  void wait(tracked_call& c) {
    if (is_stopped_ || (c.has_key && calls_->keys().yields(*c.order_key)))
      return calls_->forget(c);
    if (c.due <= now())
      return make_ready(c);
    const auto latest = now() + longest_wait;
    if (c.due > latest || !has_much_room()) {
      kept_.left_until(std::min(c.due, latest));
      return calls_->leave_in_store(c);
    }
    calls_->enter(c, call_phase::backing_off);
    c.timer = timers_->add(c.due, [this, &c] {
      c.timer.reset();
      make_ready(c);
    });
  }

  // -- reading on in the store ------------------------------------------------

  /// The calls behind those that have been read; those whose time comes; the
  /// next one with an order key; whether one has been discarded.
  using question = std::variant<find_calls, find_due, find_keyed, get_status>;

  /// What the store is to be asked next; none if there is no need, or no room.
  std::optional<question> next_question() {
    if (is_stopped_)
      return std::nullopt;
    if (has_much_room() && kept_.should_ask(now()))
      return find_calls{.target = options_->target,
                        .after = kept_.ask(),
                        .limit = read_limit()};
    if (has_much_room() && kept_.should_ask_due(now())) {
      kept_.ask_due();
      return find_due{.target = options_->target, .limit = read_limit()};
    }
    if (auto key = calls_->keys().next_to_ask())
      return find_keyed{.target = options_->target,
                        .order_key = std::move(*key)};
    if (!doubted_.empty()) {
      const auto id = doubted_.back();
      doubted_.pop_back();
      return get_status{.id = id, .deadline = std::nullopt};
    }
    return std::nullopt;
  }

  void found(const find_calls&, const find_reply& x) {
    remember(x);
    kept_.found(x);
  }

  void found(const find_due&, const find_reply& x) {
    remember(x);
    std::optional<timer_queue::time_point> last;
    if (!x.complete) { // they may all be here, and wait for workers
      const auto& head = x.heads.back();
      last = now()
             + std::max(read_delay,
                        wait_until(*options_, *head.due, head.attempt));
    }
    kept_.found_due(last);
  }

  void found(const find_keyed& asked, const find_reply& x) {
    const auto& key = asked.order_key;
    if (x.heads.empty() || calls_->find(x.heads.front().id) != nullptr)
      return calls_->keys().found_none(key);
    const auto& head = x.heads.front();
    auto& c = calls_->add(head.id);
    calls_->keys().found(key, c.id);
    c.has_key = true;
    note(c, head);
    wait(c);
  }

  void found(const get_status& asked, const status_reply& x) {
    if (x.snapshot && !is_terminal(x.snapshot->status))
      return not_found(asked);
    calls_->call_off(asked.id);
    behind_.erase(asked.id);
  }

  /// The store has not answered.
  void not_found(const find_calls&) { kept_.not_found(now() + read_delay); }
  void not_found(const find_due&) { kept_.found_due(now() + read_delay); }
  void not_found(const find_keyed& asked) {
    timers_->add(now() + read_delay, [this, key = asked.order_key] {
      calls_->keys().not_found(key);
    });
  }

  void not_found(const get_status& asked) {
    auto* const c = calls_->find(asked.id);
    if (c != nullptr && c->phase == call_phase::held
        && !discards_->is_under_way(asked.id))
      wait(*c);
  }

  /// Somebody has given calls up: until it is known whether that lasts, no
  /// attempt of theirs begins. For one that waited in the store alone, others
  /// with its order key may have been passed over there.
  void discarded(const calls_discarded& x) {
    auto is_elsewhere = false;
    for (const auto& id : x.ids) {
      auto* const c = calls_->find(id);
      is_elsewhere = is_elsewhere || (x.had_turn && c == nullptr);
      if (c == nullptr || discards_->is_under_way(id))
        continue;
      if (is_waiting(c->phase))
        calls_->enter(*c, call_phase::held);
      doubted_.push_back(id); // what is reported now is about to wait
    }
    if (is_elsewhere)
      kept_.start_over();
    else
      unblocked();
  }

  /// Calls that were blocked may begin: a call that blocked them has gone.
  void unblocked() {
    if (options_->on_park == after_end::block)
      kept_.start_over();
  }

  /// The store has calls that are tried again. They are behind all that have
  /// been read; but with their order keys they come before others.
  void requeued(const calls_requeued& x) {
    kept_.left_behind();
    for (const auto& each : x.calls) {
      keep_apart(each.id, each.successor.value());
      if (each.order_key)
        yield(*each.order_key);
    }
  }

  /// Something has happened: attempts may have ended that others waited for.
  void go_on() {
    for (auto each = behind_.begin(); each != behind_.end();) {
      if (is_at_work(each->second)) {
        ++each;
        continue;
      }
      auto* const c = calls_->find(each->first);
      each = behind_.erase(each);
      if (c != nullptr && c->phase == call_phase::held)
        wait(*c);
    }
  }

  /// When there is something to read, unless something happens before.
  [[nodiscard]] timer_queue::time_point next_reading() const {
    return has_much_room() ? kept_.next(now()) : timer_queue::time_point::max();
  }

private:
  // Before the store is asked again for calls that it could not give, or that
  // wait for workers.
  static constexpr auto read_delay = std::chrono::milliseconds{100};

  // A call that is due later than that waits in the store.
  static constexpr auto longest_wait = std::chrono::hours{1};

  [[nodiscard]] timer_queue::time_point now() const {
    return options_->clock.steady();
  }

  void make_ready(tracked_call& c) {
    const auto is_held = discards_->is_under_way(c.id) || is_behind(c.id);
    calls_->enter(c, is_held ? call_phase::held : call_phase::ready);
  }

  // Somebody else may have parked a call while an attempt at it runs. What
  // follows has the same idempotency key. Once that lasts, what was parked is
  // not kept apart any more: of a chain there is one at a time.
  void keep_apart(const tracked_operation_id& before,
                  const tracked_operation_id& successor) {
    if (const auto at = behind_.find(before); at != behind_.end()) {
      behind_.insert_or_assign(successor, tracked_operation_id{at->second});
      doubted_.push_back(before);
    } else if (is_at_work(before)) {
      behind_.insert_or_assign(successor, before);
    }
  }

  [[nodiscard]] bool is_at_work(const tracked_operation_id& id) const {
    const auto* const c = calls_->find(id);
    return c != nullptr && c->at_work;
  }

  [[nodiscard]] bool is_behind(const tracked_operation_id& id) const {
    const auto at = behind_.find(id);
    return at != behind_.end() && is_at_work(at->second);
  }

  [[nodiscard]] bool has_much_room() const {
    return calls_->room() > options_->max_heads / 2;
  }

  [[nodiscard]] std::int32_t read_limit() const {
    return static_cast<std::int32_t>(
      std::min<std::int64_t>(calls_->room(), limits::max_found_calls));
  }

  void remember(const find_reply& x) {
    for (const auto& head : x.heads)
      if (calls_->find(head.id) == nullptr) {
        auto& c = calls_->add(head.id);
        note(c, head);
        if (calls_->take_key(c, true)) {
          wait(c);
        } else {
          // A later one may have come when this one had been tried again, and
          // nobody had the key.
          if (head.requeued)
            yield(*c.order_key);
          calls_->leave_in_store(c);
        }
      }
  }

  // Whoever has the key gives it up, unless something is under way for it.
  void yield(const std::string& key) {
    const auto holder = calls_->keys().note_earlier(key);
    auto* const c = holder ? calls_->find(*holder) : nullptr;
    if (c != nullptr && is_waiting(c->phase))
      calls_->forget(*c); // which asks the store for the first one
  }

  bool is_stopped_ = false;
  const forward_options* options_;
  call_buffer* calls_;
  const discard_desk* discards_;
  timer_queue* timers_;
  kept_calls kept_;
  // By their ids those that were requeued while an attempt ran, and at what: no
  // more than there are attempts, but for what the store is asked about.
  std::unordered_map<tracked_operation_id, tracked_operation_id> behind_;
  std::vector<tracked_operation_id> doubted_;
};

} // namespace waybill
