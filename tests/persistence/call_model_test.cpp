// Many random operations and calls, compared step by step with a model that is
// simple; and each system call that fails once.

#include <algorithm>
#include <map>
#include <random>

#include "support/calls.hpp"
#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// -- the model ----------------------------------------------------------------

struct modelled_call {
  std::string target;
  call_state state = call_state::waiting;
  call_head head;
  std::string payload;
  // Where it counts among those of its key: the first of those it is tried
  // again for.
  std::int64_t place = 0;
  std::optional<tracked_operation_id> root;
};

struct modelled_operation {
  std::int64_t seq = 0; // 0: not known
  // What it was requeued as.
  std::optional<tracked_operation_id> successor;
  tracking_status status = tracking_status::submitted;
  std::int32_t retry_count = 0;
  timestamp updated_at;
  std::optional<modelled_call> call;
  bool had_call = false; // when it finished
};

// What is left of one.
struct modelled_tombstone {
  std::uint64_t n = 0;
  purged_operation was;
};

using modelled_store = std::map<std::uint64_t, modelled_operation>;

struct call_model_fixture : store_fixture {
  std::mt19937_64 random{seed_for("calls")};
  modelled_store now_in; // what the store must have
  modelled_store before; // what it must have after a rollback
  std::map<std::string, target_bounds> bounds{
    {"plant", {.max_calls = 12, .max_kept_calls = 8}},
    {"other", {.max_bytes = 150, .max_kept_bytes = 100, .kept_block = true}}};
  // Of which reports are made, late ones too. Nobody has heard of what is
  // rolled back.
  std::vector<call_head> heads;
  std::vector<call_head> heads_before;
  std::map<std::string, target_pause> paused;
  std::map<std::string, target_pause> paused_before;
  std::vector<modelled_tombstone> purged; // the last comes last
  std::vector<modelled_tombstone> purged_before;
  timestamp now = t0;

  call_model_fixture() { open_both(); }

  std::uint64_t any(std::uint64_t n) { return random() % n; }

  std::string any_target() { return any(2) == 0 ? "plant" : "other"; }

  target_sums sums_of(const std::string& target) const {
    target_sums sums;
    for (const auto& [n, x] : now_in)
      if (x.call && x.call->target == target) {
        auto& sum = x.call->state == call_state::kept ? sums.kept : sums.active;
        ++sum.calls;
        sum.bytes += x.call->head.bytes;
      }
    return sums;
  }

  static std::pair<bool, std::int64_t> place_of(const modelled_call& x) {
    return {x.state != call_state::begun, x.place};
  }

  // The call that comes first of those with a key; null if there is none. One
  // that has begun does, also before one that was recorded earlier, and got its
  // payload later.
  const modelled_call* first_of(const std::string& target,
                                const std::string& key) const {
    const modelled_call* first = nullptr;
    for (const auto& [n, x] : now_in)
      if (x.call && x.call->target == target && x.call->head.order_key == key
          && (x.call->state != call_state::kept || bounds.at(target).kept_block)
          && (first == nullptr || place_of(*x.call) < place_of(*first)))
        first = &*x.call;
    return first;
  }

  bool is_blocked(const std::string& target, const call_head& head,
                  std::int64_t place) const {
    if (!head.order_key)
      return false;
    const auto* const first = first_of(target, *head.order_key);
    return first != nullptr && first->head.seq != head.seq
           && (first->state == call_state::begun || first->place < place);
  }

  std::optional<target_pause> pause_of(const std::string& target) const {
    const auto at = paused.find(target);
    return at == paused.end() ? std::nullopt : std::optional{at->second};
  }

  // The operation with a call that a report is about, if it is in flight.
  template <class Report>
  modelled_operation* reported(const Report& x, update_outcome& otherwise) {
    otherwise = update_outcome::not_found;
    const auto at = now_in.find(x.id.low() - id_of(0).low());
    if (at == now_in.end() || at->second.seq != x.seq)
      return nullptr;
    if (is_terminal(at->second.status))
      otherwise = update_outcome::already_terminal;
    return is_in_flight(at->second.status) && at->second.call ? &at->second
                                                              : nullptr;
  }

  std::optional<purged_operation> what_was(std::uint64_t n) const {
    const auto last = std::find_if(purged.rbegin(), purged.rend(),
                                   [&](const auto& x) { return x.n == n; });
    return last == purged.rend() ? std::nullopt : std::optional{last->was};
  }

  void finish(modelled_operation& x, tracking_status status) {
    x.had_call = x.call.has_value();
    x.status = status;
    x.updated_at = now;
    if (x.call && call_table::keeps(status))
      x.call->state = call_state::kept;
    else
      x.call.reset();
  }

  // -- verbs ------------------------------------------------------------------

  void open(const std::string& target) {
    std::vector<std::string> interrupted;
    std::int64_t parked = 0;
    std::map<std::int64_t, modelled_operation*> begun;
    for (auto& [n, x] : now_in)
      if (x.call && x.call->target == target
          && x.call->state == call_state::begun)
        begun[x.seq] = &x;
    for (auto& [seq, x] : begun) {
      auto& head = x->call->head;
      x->status = tracking_status::retrying;
      x->retry_count = std::max(x->retry_count, head.attempt);
      x->updated_at = now;
      if (++head.interruptions == 3) {
        finish(*x, tracking_status::parked);
        ++parked;
        continue;
      }
      ++head.attempt;
      x->call->state = call_state::waiting;
      interrupted.push_back(text_of(head));
      heads.push_back(head);
    }
    const auto reply
      = store.calls().open_target({target, bounds.at(target), 3, {}}, now);
    REQUIRE(texts_of(reply.interrupted) == interrupted);
    REQUIRE(reply.parked == parked);
    REQUIRE(reply.pause == pause_of(target));
    const auto sums = sums_of(target);
    REQUIRE(target_sums{{reply.calls, reply.bytes},
                        {reply.kept_calls, reply.kept_bytes}}
            == sums);
  }

  void open_both() {
    open("plant");
    open("other");
  }

  bool is_full(const take_call& x) const {
    const auto sums = sums_of(x.target);
    const auto& most = bounds.at(x.target);
    return sums.active.calls + 1 > most.max_calls
           || sums.active.bytes + std::ssize(x.call.payload) > most.max_bytes
           || sums.kept.calls >= most.max_kept_calls
           || sums.kept.bytes >= most.max_kept_bytes;
  }

  void take() {
    const auto n = 1 + any(60);
    auto x = take_of(n, std::string(any(20), 'p'));
    x.target = any_target();
    x.begin = any(3) == 0;
    x.call.order_key = any(3) == 0 ? std::optional{"k" + std::to_string(any(3))}
                                   : std::nullopt;
    if (any(4) == 0)
      x.call.due = now + std::chrono::seconds{any(30)};
    const auto at = now_in.find(n);
    const auto is_known = at != now_in.end() && at->second.call
                          && is_in_flight(at->second.status);
    if (is_known && at->second.call->target != x.target) {
      REQUIRE(error_of([&] { store.calls().take(x, now); }).code
              == errc::invalid_request);
      return;
    }
    const auto is_over = at != now_in.end() && is_terminal(at->second.status);
    if (const auto was = what_was(n); was && at == now_in.end()) {
      REQUIRE(store.calls().take(x, now)
              == take_reply{.outcome = take_outcome::duplicate, .purged = was});
      return;
    }
    if (!is_known && !is_over && is_full(x)) {
      REQUIRE(store.calls().take(x, now).outcome == take_outcome::refused);
      return;
    }
    const auto reply = store.calls().take(x, now);
    if (is_over) {
      REQUIRE(reply.outcome == take_outcome::already_terminal);
      return;
    }
    if (is_known) {
      const auto& call = *at->second.call;
      REQUIRE(reply.outcome == take_outcome::known);
      REQUIRE(text_of(reply.head) == text_of(call.head));
      REQUIRE(reply.begun == (call.state == call_state::begun));
      return;
    }
    REQUIRE(
      reply.outcome
      == (at == now_in.end() ? take_outcome::taken : take_outcome::attached));
    const auto begins = x.begin && !pause_of(x.target)
                        && !is_blocked(x.target, reply.head, reply.head.seq);
    REQUIRE(reply.begun == begins);
    auto& operation = now_in[n];
    if (at == now_in.end())
      operation.updated_at = now;
    operation.seq = reply.head.seq;
    auto& call = operation.call.emplace();
    call.target = x.target;
    call.state = begins ? call_state::begun : call_state::waiting;
    call.payload = x.call.payload;
    call.place = reply.head.seq;
    call.head = {.seq = reply.head.seq,
                 .id = id_of(n),
                 .attempt = operation.retry_count + 1,
                 .due = begins ? std::nullopt : x.call.due,
                 .expires = std::nullopt,
                 .order_key = x.call.order_key,
                 .bytes = std::ssize(x.call.payload)};
    REQUIRE(text_of(reply.head) == text_of(call.head));
    heads.push_back(call.head);
  }

  call_head any_head() {
    // Mostly of the last ones.
    const auto size = heads.size();
    const auto among = any(4) == 0 ? size : std::min<std::size_t>(size, 20);
    auto head = heads[size - 1 - any(among)];
    if (any(20) == 0)
      head.attempt += static_cast<std::int32_t>(any(2));
    return head;
  }

  void begin() {
    const auto x = begin_of(any_head());
    update_outcome otherwise{};
    auto* const at = reported(x, otherwise);
    const auto waits = at != nullptr && at->call->state == call_state::waiting
                       && at->call->head.attempt == x.attempt;
    const auto blocked
      = waits && is_blocked(at->call->target, at->call->head, at->call->place);
    const auto is_paused = waits && pause_of(at->call->target).has_value();
    const auto reply = store.calls().begin(x, now);
    REQUIRE(reply.begun == (waits && !blocked && !is_paused));
    REQUIRE(reply.blocked == blocked);
    REQUIRE(reply.paused == is_paused);
    if (!reply.begun)
      return;
    REQUIRE(reply.call.payload == at->call->payload);
    REQUIRE(reply.call.id == x.id);
    REQUIRE(reply.root == at->call->root);
    REQUIRE(reply.call.order_key == at->call->head.order_key);
    at->call->state = call_state::begun;
    at->call->head.due.reset();
  }

  void retry() {
    const auto x = retry_of(
      any_head(), any(2) == 0
                    ? std::optional{now + std::chrono::seconds{any(30)}}
                    : std::nullopt);
    update_outcome expected{};
    if (auto* const at = reported(x, expected)) {
      auto& call = *at->call;
      expected = x.attempt < call.head.attempt ? update_outcome::applied
                                               : update_outcome::not_found;
      if (x.attempt == call.head.attempt && call.state == call_state::begun) {
        expected = update_outcome::applied;
        at->status = tracking_status::retrying;
        at->retry_count = std::max(at->retry_count, x.attempt);
        at->updated_at = now;
        call.state = call_state::waiting;
        ++call.head.attempt;
        call.head.due = x.due;
        heads.push_back(call.head);
      }
    }
    REQUIRE(store.calls().retry(x, now).outcome == expected);
  }

  void end() {
    const auto x = end_of(any_head(), static_cast<tracking_status>(2 + any(4)));
    update_outcome expected{};
    if (auto* const at = reported(x, expected);
        at != nullptr && at->call->head.attempt == x.attempt) {
      expected = update_outcome::applied;
      finish(*at, x.status);
    }
    REQUIRE(store.calls().end(x, now).outcome == expected);
  }

  // The store's reasons not to, in its order.
  // What it was requeued as, also if one of both or both are purged.
  std::optional<tracked_operation_id> successor_of(std::uint64_t n) const {
    if (const auto at = now_in.find(n); at != now_in.end())
      return at->second.successor;
    const auto was = what_was(n);
    return was ? was->successor : std::nullopt;
  }

  requeue_outcome outcome_of_requeue(std::uint64_t n, std::uint64_t as) const {
    const auto at = now_in.find(n);
    if (successor_of(n))
      return requeue_outcome::already_requeued;
    if (at == now_in.end())
      return requeue_outcome::not_found;
    const auto& x = at->second;
    if (is_in_flight(x.status))
      return requeue_outcome::in_flight;
    if (x.status == tracking_status::delivered)
      return requeue_outcome::delivered;
    if (x.status == tracking_status::discarded)
      return requeue_outcome::discarded;
    if (!x.call)
      return requeue_outcome::no_payload;
    const auto& most = bounds.at(x.call->target);
    const auto sum = sums_of(x.call->target).active;
    if (!(most.kept_block && x.call->head.order_key)
        && (sum.calls + 1 > most.max_calls
            || sum.bytes + x.call->head.bytes > most.max_bytes))
      return requeue_outcome::overloaded;
    return now_in.contains(as) || what_was(as) ? requeue_outcome::id_is_taken
                                               : requeue_outcome::requeued;
  }

  void requeue_one() {
    const auto n = 1 + any(60);
    const auto as = 1 + any(60);
    const auto expected = outcome_of_requeue(n, as);
    const auto reply
      = store.calls().requeue({.ids = {id_of(n)}, .as = id_of(as)}, now);
    const auto& result = reply.results.at(0);
    REQUIRE(result.outcome == expected);
    if (expected == requeue_outcome::already_requeued)
      REQUIRE(result.successor == successor_of(n));
    if (expected != requeue_outcome::requeued)
      return;
    auto& old = now_in.at(n);
    auto& next = now_in[as];
    next.updated_at = now;
    auto& call = next.call.emplace(*old.call);
    old.call.reset();
    call.state = call_state::waiting;
    call.root = call.root.value_or(id_of(n));
    call.head.seq = seq_of(call.target, as);
    call.head.id = id_of(as);
    call.head.attempt = 1;
    call.head.interruptions = 0;
    call.head.due.reset();
    next.seq = call.head.seq;
    old.successor = id_of(as);
    heads.push_back(call.head);
  }

  // Of one that waits, and is due.
  std::int64_t seq_of(const std::string& target, std::uint64_t n) {
    const auto found = store.calls().find({target, 0, 10'000, 1'000'000}, now);
    for (const auto& head : found.heads)
      if (head.id == id_of(n)) {
        REQUIRE(head.requeued);
        return head.seq;
      }
    FAIL("call " << n << " does not wait");
    return 0;
  }

  void others() {
    const auto n = 1 + any(60);
    const auto at = now_in.find(n);
    if (any(3) == 0) {
      store.record_enqueue(enqueue(n), now);
      if (at == now_in.end())
        now_in[n].updated_at = now;
    } else if (any(2) == 0) {
      const auto x = attempt(n, static_cast<std::int32_t>(any(4)));
      store.record_attempt(x, now);
      if (at != now_in.end() && is_in_flight(at->second.status)
          && x.retry_count >= at->second.retry_count) {
        at->second.status = tracking_status::retrying;
        at->second.retry_count = x.retry_count;
        at->second.updated_at = now;
      }
    } else {
      const auto status = static_cast<tracking_status>(2 + any(4));
      store.record_terminal(terminal(n, status), now);
      if (at != now_in.end() && is_in_flight(at->second.status))
        finish(at->second, status);
      else if (at != now_in.end() && status == tracking_status::discarded)
        at->second.call.reset();
    }
  }

  // Mostly they go on, so that attempts begin.
  void pause_or_resume() {
    const auto target = any_target();
    const auto was = pause_of(target);
    if (any(3) == 0) {
      const target_pause asked{now, "who " + std::to_string(any(9)), "why"};
      REQUIRE(
        store.calls().pause({target, asked.who, asked.reason}, now)
        == pause_reply{was ? pause_outcome::unchanged : pause_outcome::applied,
                       was ? was : asked});
      paused.emplace(target, asked);
    } else {
      REQUIRE(store.calls().resume({target}, now)
              == pause_reply{
                was ? pause_outcome::applied : pause_outcome::unchanged, was});
      paused.erase(target);
    }
  }

  void purge() {
    const auto older = now - std::chrono::seconds{any(20)};
    auto request = purge_before(older);
    if (any(2) == 0)
      request.forget_before = now - std::chrono::seconds{any(120)};
    std::int64_t deleted = 0;
    for (bool finished = false; !finished;) {
      const auto step
        = store.purge_chunk(request, now,
                            1 + static_cast<std::int64_t>(any(10)),
                            std::chrono::seconds{1});
      deleted += step.deleted;
      finished = step.finished;
    }
    const auto gone = std::erase_if(now_in, [&](const auto& entry) {
      const auto& x = entry.second;
      const auto goes = is_terminal(x.status) && !x.call
                        && x.updated_at < older;
      if (goes && x.had_call)
        purged.push_back(
          {entry.first, {x.status, x.updated_at, now, x.successor}});
      return goes;
    });
    REQUIRE(deleted == static_cast<std::int64_t>(gone));
    if (request.forget_before)
      std::erase_if(purged, [&](const auto& x) {
        return x.was.purged_at < *request.forget_before;
      });
  }

  void transact() {
    if (!store.in_transaction()) {
      store.begin();
      before = now_in;
      heads_before = heads;
      paused_before = paused;
      purged_before = purged;
    } else if (any(4) == 0) {
      store.rollback();
      forget();
    } else if (any(2) == 0) {
      store.commit();
    }
  }

  void forget() {
    now_in = before;
    heads = heads_before;
    paused = paused_before;
    purged = purged_before;
  }

  void restart_somehow() {
    if (store.in_transaction())
      forget();
    if (any(3) == 0) {
      store.recover(); // attempts go on
    } else {
      restart();
      open_both();
    }
    check_all();
  }

  void check_all() {
    for (const auto* const target : {"plant", "other"}) {
      std::map<std::int64_t, std::string> waiting;
      std::map<std::pair<timestamp, std::int64_t>, std::string> scheduled;
      for (const auto& [n, x] : now_in) {
        if (!x.call || x.call->target != target
            || x.call->state != call_state::waiting)
          continue;
        const auto& head = x.call->head;
        if (!head.due || *head.due <= now)
          waiting[head.seq] = text_of(head);
        if (head.due)
          scheduled[{*head.due, head.seq}] = text_of(head);
      }
      const auto texts = [](const auto& map) {
        std::vector<std::string> all;
        for (const auto& [key, text] : map)
          all.push_back(text);
        return all;
      };
      std::vector<std::string> found;
      find_calls x{target, 0, static_cast<std::int32_t>(1 + any(9)),
                   static_cast<std::int32_t>(1 + any(30))};
      for (bool complete = false; !complete;) {
        const auto part = store.calls().find(x, now);
        for (const auto& text : texts_of(part.heads))
          found.push_back(text);
        x.after = part.cursor;
        complete = part.complete;
      }
      REQUIRE(found == texts(waiting));
      REQUIRE(texts_of(store.calls().find_due({target, 1'000}, now).heads)
              == texts(scheduled));
      for (const auto* const key : {"k0", "k1", "k2"}) {
        const auto* const first = first_of(target, key);
        std::vector<std::string> next;
        if (first != nullptr && first->state == call_state::waiting)
          next.push_back(text_of(first->head));
        REQUIRE(texts_of(store.calls().find_keyed({target, key}).heads)
                == next);
      }
    }
    for (const auto& [n, x] : now_in) {
      const auto snapshot = snapshot_of(n, now);
      REQUIRE(snapshot);
      REQUIRE(snapshot->status == x.status);
      REQUIRE(snapshot->retry_count == x.retry_count);
    }
    REQUIRE(total() == std::ssize(now_in));
    for (std::uint64_t n = 1; n <= 60; ++n)
      if (!now_in.contains(n))
        REQUIRE(store.get_status(status_of(n), now).purged == what_was(n));
  }

  void step() {
    now = now + std::chrono::milliseconds{1 + any(400)};
    const auto dice = any(100);
    if (dice < 22)
      take();
    else if (dice < 40 && !heads.empty())
      begin();
    else if (dice < 55 && !heads.empty())
      retry();
    else if (dice < 70 && !heads.empty())
      end();
    else if (dice < 80)
      others();
    else if (dice < 82)
      purge();
    else if (dice < 84)
      pause_or_resume();
    else if (dice < 90)
      requeue_one();
    else if (dice < 98)
      transact();
    else if (dice < 99)
      check_all();
    else if (any(3) == 0)
      restart_somehow();
  }
};

// -- faults -------------------------------------------------------------------

// How far a call has come.
enum class stage { none, taken, begun, retried, delivered };

struct call_fault_run {
  struct progress {
    stage least = stage::none; // certainly
    stage most = stage::none;  // perhaps
    call_head head;
  };

  store_options options;
  std::map<std::uint64_t, progress> calls;
  std::string surprises;

  // @returns whether `f` was done; none if that is not known.
  template <class F>
  std::optional<bool> run(F&& f) {
    const auto e = error_of(f);
    if (!e.code)
      return true;
    if (e.code == errc::store_corrupt || e.code == errc::invalid_request)
      surprises += to_string(*e.code) + ": " + e.text + "\n";
    if (certainty_of(*e.code) == certainty::unknown)
      return std::nullopt;
    return false;
  }

  // One step of a call, if it has come so far for certain.
  void go_to(operation_tracking_store& store, std::uint64_t n, stage next,
             std::map<std::uint64_t, progress>& changed) {
    if (next > stage::delivered)
      return;
    const auto was = changed.contains(n) ? changed[n] : calls[n];
    if (was.least != was.most
        || static_cast<int>(was.most) + 1 != static_cast<int>(next))
      return;
    auto is = was;
    const auto verb = [&] {
      auto verbs = store.calls();
      if (next == stage::taken)
        is.head = verbs.take(take_of(n, std::string(6'000, 'x')), at(1)).head;
      else if (next == stage::begun)
        verbs.begin(begin_of(is.head), at(2));
      else if (next == stage::retried)
        verbs.retry(retry_of(is.head), at(3));
      else
        verbs.end(end_of({is.head.seq, is.head.id, 2}), at(4));
    };
    const auto done = run(verb);
    is.least = done == true ? next : was.least;
    is.most = done == false ? was.most : next;
    changed[n] = is;
  }

  // A transaction in which calls take their steps, or each step one of its own.
  void batch(operation_tracking_store& store, std::uint64_t k) {
    const auto together = k % 2 == 0;
    if (together && run([&] { store.begin(); }) != true)
      return;
    std::map<std::uint64_t, progress> changed;
    for (std::uint64_t n = 1; n <= k + 1; ++n) {
      go_to(store, n, static_cast<stage>(k + 2 - n), changed);
      if (!together)
        for (const auto& [each, x] : changed)
          calls[each] = x;
    }
    if (!together)
      return;
    const auto done = run([&] { store.commit(); });
    for (const auto& [n, x] : changed) {
      if (done == true)
        calls[n] = x;
      else if (!done)
        calls[n].most = x.most;
      calls[n].head = x.head;
    }
  }

  void go() {
    std::optional<operation_tracking_store> store;
    for (std::uint64_t k = 0; k < 6; ++k) {
      if (!store && run([&] {
                      store.emplace(options);
                      store->calls().open_target({"plant", {}, 3, {}}, at(0));
                    }) != true) {
        store.reset();
        continue;
      }
      if (store->needs_recovery())
        run([&] { store->recover(); });
      batch(*store, k);
      if (store->in_transaction())
        store->rollback();
    }
  }

  static stage stage_of(const std::optional<tracking_status_snapshot>& x) {
    if (!x)
      return stage::none;
    if (is_terminal(x->status))
      return stage::delivered;
    if (x->status == tracking_status::submitted)
      return stage::taken;
    // Opening the target has interrupted it.
    return x->last_error == "interrupted" ? stage::begun : stage::retried;
  }

  void check() {
    CHECK(surprises.empty());
    operation_tracking_store store{options};
    CHECK(store_reader{options.file}.check()->faults.empty());
    store.calls().open_target({"plant", {}, 3, {}}, at(9));
    CHECK(store_reader{options.file}.check()->faults.empty());
    for (const auto& [n, x] : calls) {
      const auto found
        = stage_of(store.get_status(status_of(n), at(9)).snapshot);
      CAPTURE(n, static_cast<int>(found), static_cast<int>(x.least),
              static_cast<int>(x.most));
      CHECK(found >= x.least);
      CHECK(found <= x.most);
    }
  }
};

// Fails call number `nth` of a run on a new file.
// @returns false if there are fewer calls.
bool fails_with_calls(int nth) {
  const temp_dir dir;
  fault_vfs vfs;
  vfs.real_syncs = false;
  vfs.real_sleeps = false;
  bool reached = false;
  vfs.before = fail_call(nth, reached);
  call_fault_run run;
  run.options = options_for(dir / "ops.db");
  run.options.vfs = vfs.name();
  run.go();
  vfs.heal();
  CAPTURE(nth);
  run.check();
  return reached;
}

} // namespace

TEST_CASE_METHOD(call_model_fixture,
                 "20,000 random steps of calls do what a simple model says",
                 "[calls][promise-3][promise-5]") {
  // From the first restart on.
  options.checkpoint_pages = 100;
  options.tombstone_runs
    = {.page_entries = 2, .fan_in = 2, .full = 16, .fresh = 3};
  for (int i = 0; i < 20'000; ++i) {
    CAPTURE(i);
    step();
  }
  if (store.in_transaction())
    store.commit();
  CHECK(store_reader{options.file}.check()->faults
        == std::vector<std::string>{});
  check_all();
  store.close();
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE("promise 3, atomicity: whichever system call fails, a call has taken "
          "a step whole or not at all",
          "[calls][promise-3]") {
  // Every second one; the seed decides which.
  const stride some{"failing calls"};
  int nth = 1 + static_cast<int>(seed_for("failing calls") % 2)
            + 2 * some.first();
  while (fails_with_calls(nth))
    nth += 2 * some.step();
  CHECK(nth > 50);
}
