// A tracker without a store that misbehaves as it is told.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/requests.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/protocol.hpp"

namespace waybill::test {

/// What the tracker does with one request.
struct reaction {
  /// Whether the request takes effect.
  bool apply = true;
  /// The error to answer with; none means the truth.
  std::optional<errc> error = std::nullopt;
  /// Keeps the answer until `work_tick`.
  bool late = false;
  /// Answers an enqueue with `duplicate`, or else with `not_found` or no
  /// snapshot, whatever is true.
  bool lie = false;
  /// Answers with an outcome or status that this version does not know.
  bool newer = false;
  /// Has no room for a call.
  bool full = false;
};

inline constexpr reaction honest{};

constexpr reaction refusing(errc code) {
  return {.apply = false, .error = code};
}

/// Takes effect, but does not know it.
inline constexpr reaction unknown{.error = errc::outcome_unknown};
inline constexpr reaction late{.late = true};
inline constexpr reaction lying{.apply = false, .lie = true};
inline constexpr reaction newer{.apply = false, .newer = true};
inline constexpr reaction no_room{.apply = false, .full = true};

/// What a scripted tracker is told and has seen; shared with the test.
/// Thread-safe.
class tracker_script {
public:
  using snapshots
    = std::unordered_map<tracked_operation_id, tracking_status_snapshot>;

  /// The next requests whose log line begins with `verb` get `reactions`.
  void next(const std::string& verb, std::vector<reaction> reactions) {
    const std::lock_guard guard{mutex_};
    for (const auto& x : reactions)
      next_[verb].push_back(x);
  }

  /// All requests without one of their own get what `f` gives.
  void always(std::function<reaction()> f) {
    const std::lock_guard guard{mutex_};
    always_ = std::move(f);
  }

  void always(reaction x) {
    always([x] { return x; });
  }

  /// All requests, in order, as texts like `attempt 1 Retrying 1 "503" 503`.
  [[nodiscard]] std::vector<std::string> log() const {
    const std::lock_guard guard{mutex_};
    return log_;
  }

  /// How many lines of the log begin with `begin`.
  [[nodiscard]] std::size_t count(const std::string& begin) const {
    std::size_t n = 0;
    for (const auto& line : log())
      n += line.starts_with(begin) ? 1U : 0U;
    return n;
  }

  /// The same of what only prepares something (`begin 1 1`), which is not in
  /// the log.
  [[nodiscard]] std::size_t steps(const std::string& begin) const {
    const std::lock_guard guard{mutex_};
    return static_cast<std::size_t>(
      std::ranges::count_if(steps_, [&](const std::string& line) {
        return line.starts_with(begin);
      }));
  }

  [[nodiscard]] std::optional<tracking_status_snapshot>
  find(tracked_operation_id id) const {
    const std::lock_guard guard{mutex_};
    const auto found = rows_.find(id);
    return found == rows_.end() ? std::nullopt : std::optional{found->second};
  }

  [[nodiscard]] std::optional<tracking_status> status(std::uint64_t n) const {
    const auto row = find(id_of(n));
    return row ? std::optional{row->status} : std::nullopt;
  }

  /// Somebody else has paused the target, or resumed it.
  void set_pause(std::optional<target_pause> x) {
    const std::lock_guard guard{mutex_};
    pause_ = std::move(x);
  }

  void put(tracking_status_snapshot row) {
    const std::lock_guard guard{mutex_};
    rows_[row.id] = std::move(row);
  }

  void erase(std::uint64_t n) {
    const std::lock_guard guard{mutex_};
    rows_.erase(id_of(n));
    calls_.erase(id_of(n));
  }

  /// The sizes of all bundles, in order.
  [[nodiscard]] std::vector<std::size_t> bundles() const {
    const std::lock_guard guard{mutex_};
    return bundles_;
  }

  /// The thread that the tracker ran on last.
  [[nodiscard]] std::thread::id thread() const {
    const std::lock_guard guard{mutex_};
    return thread_;
  }

  // -- for the actor ----------------------------------------------------------

  void saw_bundle(std::size_t size) {
    const std::lock_guard guard{mutex_};
    bundles_.push_back(size);
  }

  reaction react(const std::string& line) {
    const std::lock_guard guard{mutex_};
    log_.push_back(line);
    return react_quietly(line, true);
  }

  /// To what only prepares something, and is not in the log.
  reaction react_to_step(const std::string& line) {
    const std::lock_guard guard{mutex_};
    steps_.push_back(line);
    return react_quietly(line, line.starts_with("begin"));
  }

  enqueue_reply apply(const record_enqueue& x, bool really) {
    const std::lock_guard guard{mutex_};
    if (rows_.contains(x.id))
      return {enqueue_outcome::duplicate};
    if (really) {
      auto& row = rows_[x.id];
      row.id = x.id;
      row.kind = x.kind;
      row.target_summary = x.target_summary;
    }
    return {};
  }

  update_reply apply(const record_attempt& x, bool really) {
    return update(x, really, [&](auto& row) {
      row.retry_count = std::max(row.retry_count, x.retry_count);
    });
  }

  update_reply apply(const record_terminal& x, bool really) {
    return update(x, really, [](auto& row) { row.terminal_at = t0; });
  }

  status_reply apply(const get_status& x, bool) { return {find(x.id)}; }

  // -- calls that are kept ----------------------------------------------------

  take_reply apply(const take_call& x, bool really) {
    const std::lock_guard guard{mutex_};
    const auto row = rows_.find(x.call.id);
    if (row != rows_.end() && is_terminal(row->second.status))
      return {take_outcome::already_terminal, {}, false, {}};
    if (const auto known = calls_.find(x.call.id); known != calls_.end())
      return {take_outcome::known, known->second.head, known->second.begun, {}};
    kept_call c;
    c.head.seq = ++last_seq_;
    c.head.id = x.call.id;
    c.head.due = x.call.due;
    c.head.expires = x.call.expires;
    c.head.priority = x.call.priority.value_or(1);
    c.head.order_key = x.call.order_key;
    c.call = x.call;
    c.codec = x.codec;
    c.begun = x.begin && !pause_
              && (!x.call.order_key
                  || first_of_key(*x.call.order_key) == nullptr);
    auto outcome = take_outcome::taken;
    if (row != rows_.end()) {
      outcome = take_outcome::attached;
      c.head.attempt = std::max(1, row->second.retry_count < INT32_MAX
                                     ? row->second.retry_count + 1
                                     : INT32_MAX);
    }
    if (really) {
      auto& kept = rows_[x.call.id];
      kept.id = x.call.id;
      kept.kind = x.call.kind;
      kept.target_summary = x.call.target_summary;
      calls_[x.call.id] = c;
    }
    return {outcome, c.head, c.begun, {}};
  }

  begin_reply apply(const begin_call& x, bool really) {
    const std::lock_guard guard{mutex_};
    const auto found = calls_.find(x.id);
    if (found == calls_.end() || found->second.head.attempt != x.attempt)
      return {};
    if (const auto& key = found->second.head.order_key;
        key && first_of_key(*key) != &found->second)
      return {.begun = false, .blocked = true, .call = {}};
    if (pause_)
      return {.begun = false, .blocked = false, .paused = true, .call = {}};
    if (really)
      found->second.begun = true;
    return {.begun = true,
            .blocked = false,
            .call = found->second.call,
            .root = {},
            .codec = found->second.codec};
  }

  update_reply apply(const retry_call& x, bool really) {
    {
      const std::lock_guard guard{mutex_};
      if (const auto c = calls_.find(x.id); c != calls_.end() && really) {
        c->second.begun = false;
        c->second.head.attempt = std::max(c->second.head.attempt,
                                          x.attempt + 1);
        c->second.head.due = x.due;
      }
    }
    return apply(record_attempt{.id = x.id,
                                .status = tracking_status::retrying,
                                .retry_count = x.attempt,
                                .last_error = x.last_error,
                                .http_status = x.http_status,
                                .deadline = {}},
                 really);
  }

  update_reply apply(const end_call& x, bool really) {
    return apply(record_terminal{.id = x.id,
                                 .status = x.status,
                                 .last_error = x.last_error,
                                 .http_status = x.http_status,
                                 .deadline = {}},
                 really);
  }

  discard_reply apply(const discard_many& x, bool really) {
    discard_reply reply;
    for (const auto& id : x.ids) {
      const auto found
        = apply(record_terminal{.id = id,
                                .status = tracking_status::discarded,
                                .last_error = x.reason,
                                .http_status = {},
                                .deadline = {}},
                really);
      reply.results.push_back(
        {.id = id, .outcome = static_cast<discard_outcome>(found.outcome)});
    }
    return reply;
  }

  find_reply apply(const find_calls& x, bool) {
    const std::lock_guard guard{mutex_};
    std::map<std::int64_t, call_head> waiting;
    for (const auto& [id, c] : calls_)
      if (!c.begun && !c.head.due && c.head.seq > x.after)
        waiting[c.head.seq] = c.head;
    find_reply reply{.heads = {}, .cursor = x.after, .complete = true};
    for (const auto& [seq, head] : waiting) {
      if (std::ssize(reply.heads) == x.limit) {
        reply.complete = false;
        break;
      }
      reply.heads.push_back(head);
      reply.cursor = seq;
    }
    return reply;
  }

  find_reply apply(const find_due& x, bool) {
    const std::lock_guard guard{mutex_};
    std::multimap<timestamp, call_head> waiting;
    for (const auto& [id, c] : calls_)
      if (!c.begun && c.head.due)
        waiting.emplace(*c.head.due, c.head);
    find_reply reply{.heads = {}, .cursor = 0, .complete = true};
    for (const auto& [due, head] : waiting) {
      if (std::ssize(reply.heads) == x.limit) {
        reply.complete = false;
        break;
      }
      reply.heads.push_back(head);
    }
    return reply;
  }

  find_reply apply(const find_keyed& x, bool) {
    const std::lock_guard guard{mutex_};
    find_reply reply{.heads = {}, .cursor = 0, .complete = true};
    const auto* const first = first_of_key(x.order_key);
    if (first != nullptr && !first->begun)
      reply.heads.push_back(first->head);
    return reply;
  }

  target_reply apply(const open_target&, bool) {
    const std::lock_guard guard{mutex_};
    target_reply reply;
    reply.calls = std::ssize(calls_);
    for (auto& [id, c] : calls_)
      if (std::exchange(c.begun, false)) {
        ++c.head.interruptions;
        ++c.head.attempt;
        reply.interrupted.push_back(c.head);
      }
    reply.pause = pause_;
    return reply;
  }

  target_reply apply(const get_target&, bool) {
    const std::lock_guard guard{mutex_};
    target_reply reply;
    reply.calls = std::ssize(calls_);
    reply.pause = pause_;
    return reply;
  }

  pause_reply apply(const pause_target& x, bool really) {
    const std::lock_guard guard{mutex_};
    if (pause_)
      return {pause_outcome::unchanged, pause_};
    const target_pause asked{t0, x.who, x.reason};
    if (really)
      pause_ = asked;
    return {pause_outcome::applied, asked};
  }

  pause_reply apply(const resume_target&, bool really) {
    const std::lock_guard guard{mutex_};
    pause_reply reply{pause_ ? pause_outcome::applied
                             : pause_outcome::unchanged,
                      pause_};
    if (really)
      pause_.reset();
    return reply;
  }

private:
  struct kept_call {
    call_head head;
    forward_call call;
    std::optional<std::string> codec;
    bool begun = false;
  };

  const kept_call* first_of_key(const std::string& key) const {
    const kept_call* first = nullptr;
    for (const auto& [id, c] : calls_)
      if (c.head.order_key == key
          && (first == nullptr || c.head.seq < first->head.seq))
        first = &c;
    return first;
  }

  reaction react_quietly(const std::string& line, bool always) {
    thread_ = std::this_thread::get_id();
    for (auto& [verb, reactions] : next_)
      if (line.starts_with(verb) && !reactions.empty()) {
        const auto x = reactions.front();
        reactions.pop_front();
        return x;
      }
    return always && always_ ? always_() : honest;
  }

  template <class Request, class F>
  update_reply update(const Request& x, bool really, F&& f) {
    const std::lock_guard guard{mutex_};
    const auto found = rows_.find(x.id);
    if (found == rows_.end())
      return {update_outcome::not_found};
    if (is_terminal(found->second.status))
      return {update_outcome::already_terminal};
    if (really) {
      found->second.status = x.status;
      found->second.last_error = x.last_error;
      found->second.http_status = x.http_status;
      f(found->second);
      if (is_terminal(x.status))
        calls_.erase(x.id);
    }
    return {};
  }

  mutable std::mutex mutex_;
  snapshots rows_;
  std::unordered_map<tracked_operation_id, kept_call> calls_;
  std::int64_t last_seq_ = 0;
  std::optional<target_pause> pause_;
  std::map<std::string, std::deque<reaction>> next_;
  std::function<reaction()> always_;
  std::vector<std::string> log_;
  std::vector<std::string> steps_;
  std::vector<std::size_t> bundles_;
  std::thread::id thread_;
};

/// The n of `id_of(n)`.
inline std::string number_of(const tracked_operation_id& id) {
  return std::to_string(id.low() - id_of(0).low());
}

inline std::string log_line(const record_enqueue& x) {
  return "enqueue " + number_of(x.id);
}

inline std::string log_line(const get_status& x) {
  return "status " + number_of(x.id);
}

template <class Update>
std::string details(const Update& x) {
  return (x.last_error ? " \"" + *x.last_error + "\"" : "")
         + (x.http_status ? " " + std::to_string(*x.http_status) : "");
}

inline std::string log_line(const record_attempt& x) {
  return "attempt " + number_of(x.id) + " " + to_string(x.status) + " "
         + std::to_string(x.retry_count) + details(x);
}

inline std::string log_line(const record_terminal& x) {
  return "terminal " + number_of(x.id) + " " + to_string(x.status) + details(x);
}

inline std::string log_line(const take_call& x) {
  return "enqueue " + number_of(x.call.id);
}

inline std::string log_line(const begin_call& x) {
  return "begin " + number_of(x.id) + " " + std::to_string(x.attempt);
}

inline std::string log_line(const retry_call& x) {
  return "attempt " + number_of(x.id) + " Retrying " + std::to_string(x.attempt)
         + details(x);
}

inline std::string log_line(const end_call& x) {
  return "terminal " + number_of(x.id) + " " + to_string(x.status) + details(x);
}

inline std::string log_line(const discard_many& x) {
  return "terminal " + number_of(x.ids.front()) + " Discarded"
         + (x.reason ? " \"" + *x.reason + "\"" : "");
}

inline std::string log_line(const open_target& x) {
  return "open " + x.target;
}

inline std::string log_line(const get_target& x) {
  return "target " + x.target;
}

inline std::string log_line(const pause_target& x) {
  return "pause " + x.target;
}

inline std::string log_line(const resume_target& x) {
  return "resume " + x.target;
}

inline std::string log_line(const find_calls& x) {
  return "find " + std::to_string(x.after);
}

inline std::string log_line(const find_due&) {
  return "due";
}

inline std::string log_line(const find_keyed& x) {
  return "keyed " + x.order_key;
}

/// `work_tick` lets the answers go that are late.
using scripted_tracker = tracking_actor::extend<hears<work_tick>>;

class scripted_tracker_impl : public scripted_tracker::base {
public:
  using super = scripted_tracker::base;

  scripted_tracker_impl(caf::actor_config& config,
                        std::shared_ptr<tracker_script> script)
    : super{config}, script_{std::move(script)} {}

  behavior_type make_behavior() override {
    return {
      [this](const record_enqueue& x) { return react(x); },
      [this](const record_attempt& x) { return react(x); },
      [this](const record_terminal& x) { return react(x); },
      [this](const get_status& x) { return react(x); },
      [](const purge_terminal&) { return purge_reply{}; },
      [](const get_counts&) { return counts_reply{}; },
      [](const get_health&) { return health_reply{}; },
      [](const get_stats&) { return stats_reply{}; },
      [](const await_terminal&) { return wait_reply{}; },
      [](const list_operations&) { return list_reply{}; },
      [](const get_history&) { return history_reply{}; },
      [](const watch_transitions&) { return watch_reply{}; },
      [this](const request_bundle& x) { return run(x); },
      [this](const open_target& x) { return react(x); },
      [this](const get_target& x) { return react(x); },
      [this](const pause_target& x) { return react(x); },
      [this](const resume_target& x) { return react(x); },
      [this](const take_call& x) { return react(x); },
      [this](const begin_call& x) { return react(x); },
      [this](const retry_call& x) { return react(x); },
      [this](const end_call& x) { return react(x); },
      [](const requeue&) { return requeue_reply{}; },
      [this](const discard_many& x) { return react(x); },
      [this](const find_calls& x) { return react(x); },
      [this](const find_due& x) { return react(x); },
      [this](const find_keyed& x) { return react(x); },
      [this](const work_tick&) {
        for (auto& answer : std::exchange(late_, {}))
          answer();
      },
    };
  }

  // In CAF 0.17 an actor that holds a promise holds itself.
  void on_exit() override { late_.clear(); }

private:
  static void set_lie(enqueue_reply& x) {
    x.outcome = enqueue_outcome::duplicate;
  }
  static void set_lie(update_reply& x) {
    x.outcome = update_outcome::not_found;
  }
  static void set_lie(status_reply& x) { x.snapshot.reset(); }
  static void set_lie(take_reply& x) { x.outcome = take_outcome::known; }
  static void set_lie(begin_reply& x) { x.begun = false; }
  static void set_lie(discard_reply& x) {
    x.results.front().outcome = discard_outcome::not_found;
  }
  template <class Reply>
  static void set_lie(Reply&) {}

  template <class Reply>
  static void set_newer(Reply& x) {
    if constexpr (std::is_same_v<Reply, status_reply>) {
      if (x.snapshot)
        x.snapshot->status = static_cast<tracking_status>(99);
    } else if constexpr (std::is_same_v<Reply, discard_reply>) {
      x.results.front().outcome = static_cast<discard_outcome>(99);
    } else if constexpr (requires { x.outcome; }) {
      x.outcome = static_cast<decltype(x.outcome)>(99);
    }
  }

  template <class Request>
  static constexpr bool is_step
    = std::is_same_v<
        Request,
        begin_call> || std::is_same_v<Request, find_calls> || std::is_same_v<Request, find_due> || std::is_same_v<Request, find_keyed> || std::is_same_v<Request, open_target> || std::is_same_v<Request, get_target>;

  template <class Request>
  reaction reaction_to(const Request& x) {
    return is_step<Request> ? script_->react_to_step(log_line(x))
                            : script_->react(log_line(x));
  }

  template <class Request>
  typename Request::reply reply_to(const Request& x, const reaction& how) {
    auto reply = script_->apply(x, how.apply);
    if (how.lie)
      set_lie(reply);
    if (how.newer)
      set_newer(reply);
    if constexpr (std::is_same_v<typename Request::reply, take_reply>)
      if (how.full)
        reply = {take_outcome::refused, {}, false, "the bound of the test"};
    return reply;
  }

  void answer(std::function<void()> f, bool is_late) {
    if (is_late)
      late_.push_back(std::move(f));
    else
      f();
  }

  template <class Request>
  caf::typed_response_promise<typename Request::reply> react(const Request& x) {
    auto to = this->make_response_promise<typename Request::reply>();
    const auto how = reaction_to(x);
    auto reply = reply_to(x, how);
    answer(
      [to, how, reply]() mutable {
        if (how.error)
          to.deliver(to_error(*how.error, "as the test wants it"));
        else
          to.deliver(reply);
      },
      how.late);
    return to;
  }

  // A bundle is as late as the latest of its requests.
  caf::typed_response_promise<bundle_reply> run(const request_bundle& x) {
    auto to = this->make_response_promise<bundle_reply>();
    script_->saw_bundle(x.size());
    bundle_reply all;
    auto is_late = false;
    for_each_request(x, [&](const auto& each) {
      const auto how = reaction_to(each);
      is_late = is_late || how.late;
      auto reply = reply_to(each, how);
      using reply_type = decltype(reply);
      std::uint8_t outcome = 0;
      if constexpr (std::is_same_v<reply_type, status_reply>)
        all.answers.push_back(std::move(reply));
      else if constexpr (std::is_same_v<reply_type, take_reply>)
        all.takes.push_back(std::move(reply));
      else if constexpr (std::is_same_v<reply_type, begin_reply>)
        all.begins.push_back(std::move(reply));
      else
        outcome = static_cast<std::uint8_t>(reply.outcome);
      if (how.error) {
        outcome = bundle_reply::failed;
        all.failures.push_back({static_cast<std::uint32_t>(all.outcomes.size()),
                                *how.error, "as the test wants it"});
      }
      all.outcomes.push_back(outcome);
    });
    answer([to, all]() mutable { to.deliver(all); }, is_late);
    return to;
  }

  std::shared_ptr<tracker_script> script_;
  std::vector<std::function<void()>> late_;
};

} // namespace waybill::test
