// A tracker without a store that misbehaves as it is told.
#pragma once

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

  void put(tracking_status_snapshot row) {
    const std::lock_guard guard{mutex_};
    rows_[row.id] = std::move(row);
  }

  void erase(std::uint64_t n) {
    const std::lock_guard guard{mutex_};
    rows_.erase(id_of(n));
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
    thread_ = std::this_thread::get_id();
    log_.push_back(line);
    for (auto& [verb, reactions] : next_)
      if (line.starts_with(verb) && !reactions.empty()) {
        const auto x = reactions.front();
        reactions.pop_front();
        return x;
      }
    return always_ ? always_() : honest;
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

private:
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
    }
    return {};
  }

  mutable std::mutex mutex_;
  snapshots rows_;
  std::map<std::string, std::deque<reaction>> next_;
  std::function<reaction()> always_;
  std::vector<std::string> log_;
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

  template <class Reply>
  static void set_newer(Reply& x) {
    if constexpr (std::is_same_v<Reply, status_reply>) {
      if (x.snapshot)
        x.snapshot->status = static_cast<tracking_status>(99);
    } else {
      x.outcome = static_cast<decltype(x.outcome)>(99);
    }
  }

  template <class Request>
  caf::typed_response_promise<typename Request::reply> react(const Request& x) {
    using reply_type = typename Request::reply;
    auto to = this->make_response_promise<reply_type>();
    const auto how = script_->react(log_line(x));
    auto reply = script_->apply(x, how.apply);
    if (how.lie)
      set_lie(reply);
    if (how.newer)
      set_newer(reply);
    std::function<void()> answer = [to, how, reply]() mutable {
      if (how.error)
        to.deliver(to_error(*how.error, "as the test wants it"));
      else
        to.deliver(reply);
    };
    if (how.late)
      late_.push_back(std::move(answer));
    else
      answer();
    return to;
  }

  // Answers truly, at once, what was asked in a bundle.
  bundle_reply run(const request_bundle& x) {
    script_->saw_bundle(x.size());
    bundle_reply all;
    for_each_request(x, [&](const auto& each) {
      script_->react(log_line(each));
      auto reply = script_->apply(each, true);
      if constexpr (std::is_same_v<decltype(reply), status_reply>) {
        all.outcomes.push_back(0);
        all.answers.push_back(std::move(reply));
      } else {
        all.outcomes.push_back(static_cast<std::uint8_t>(reply.outcome));
      }
    });
    return all;
  }

  std::shared_ptr<tracker_script> script_;
  std::vector<std::function<void()>> late_;
};

} // namespace waybill::test
