// Row 9: what 32 clients see of the same few operations can be explained by one
// order of their requests.
//
// COMMITs fail and answers come too late now and then; such requests may have
// been applied or not. Two trackers that misbehave on purpose, and one that
// does not, show that the check can tell.

#include <array>
#include <atomic>
#include <barrier>
#include <deque>
#include <functional>
#include <map>
#include <thread>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "support/linearizability.hpp"
#include "support/model.hpp"
#include "support/pipeline.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/protocol.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::microseconds;
using verb = seen_event::verb;
using answer = seen_event::answer;

constexpr std::uint32_t num_clients = 32;
constexpr std::uint32_t ids_per_round = 8;
constexpr std::uint32_t requests_per_round = 12;
constexpr std::size_t max_open = 4;

// -- clients ------------------------------------------------------------------

struct clock_and_numbers {
  std::atomic<std::uint64_t> time{1};
  std::atomic<std::int32_t> number{0};
};

// What `text` says after its first letter; who wrote that text.
std::int32_t number_in(const std::string& text) {
  return static_cast<std::int32_t>(std::stol(text.substr(1)));
}

row_view view_of(const std::optional<tracking_status_snapshot>& x) {
  if (!x)
    return {};
  return {.is_there = true,
          .status = x->status,
          .retry_count = x->retry_count,
          .maker = number_in(x->target_summary.value_or("t-2")),
          .changer = x->last_error ? number_in(*x->last_error)
                                   : row_view::nobody};
}

struct sent_request {
  seen_event event;
  std::uint64_t id;
};

using events_by_id = std::array<std::vector<seen_event>, ids_per_round>;

class client {
public:
  client(caf::actor_system& system, const tracking_actor& tracker,
         clock_and_numbers& shared, std::uint32_t number, way how,
         std::mt19937_64 random)
    : to_{system, tracker, how},
      shared_{shared},
      number_{number},
      random_{random} {}

  // Sends some requests about the round's ids, which begin at `first_id`.
  events_by_id round(std::uint64_t first_id) {
    seen_ = {};
    for (std::uint32_t n = 0; n < requests_per_round; ++n) {
      if (open_.size() >= max_open)
        receive();
      send(any(ids_per_round), first_id);
    }
    while (!open_.empty())
      receive();
    return std::move(seen_);
  }

  std::int64_t unknown = 0;
  std::int64_t refused = 0;

private:
  std::uint64_t any(std::uint64_t n) { return random_() % n; }

  void send(std::uint64_t id, std::uint64_t first_id) {
    sent_request x;
    x.id = id;
    x.event.client = number_;
    x.event.number = shared_.number++;
    const auto request = make(x.event, first_id + id);
    to_.set_timeout(any(60) == 0 ? microseconds{any(1'000)}
                                 : microseconds{30'000'000});
    x.event.sent = shared_.time++;
    to_.send(request);
    open_.push_back(x);
  }

  any_request make(seen_event& x, std::uint64_t n) {
    const auto dice = any(100);
    const auto error = "e" + std::to_string(x.number);
    if (number_ == 0 && dice < 5) {
      x.what = verb::purge;
      // What its sender sends before its answer may overtake it.
      x.client = num_clients + static_cast<std::uint32_t>(x.number);
      x.any_status = any(2) == 0;
      x.status = terminal_statuses[any(4)];
      return purge_terminal{max_timestamp,
                            x.any_status ? std::nullopt
                                         : std::optional{x.status},
                            std::nullopt};
    }
    if (dice < 20) {
      x.what = verb::enqueue;
      auto request = enqueue(n);
      request.target_summary = "t" + std::to_string(x.number);
      return request;
    }
    if (dice < 45) {
      x.what = verb::attempt;
      x.status = static_cast<tracking_status>(any(2));
      x.retry_count = static_cast<std::int32_t>(any(5));
      return record_attempt{id_of(n), x.status,     x.retry_count,
                            error,    std::nullopt, std::nullopt};
    }
    if (dice < 55) {
      x.what = verb::terminal;
      x.status = terminal_statuses[any(4)];
      return record_terminal{id_of(n), x.status, error, std::nullopt,
                             std::nullopt};
    }
    return status_of(n);
  }

  void receive() {
    auto x = open_.front().event;
    const auto id = open_.front().id;
    open_.pop_front();
    const auto reply = to_.receive();
    x.answered = shared_.time++;
    if (const auto* const e = std::get_if<failure>(&reply)) {
      if (certainty_of(e->code) == certainty::refused) {
        ++refused;
        return;
      }
      ++unknown;
      if (x.what == verb::look)
        return;
      x.answered = seen_event::never;
      x.is_optional = true;
    }
    std::visit([&](const auto& y) { note(x, y); }, reply);
    if (x.what != verb::purge) {
      seen_[id].push_back(x);
      return;
    }
    for (auto& each : seen_)
      each.push_back(x);
    // It has steps, behind the requests that wait: an operation may finish and
    // go once more before its end.
    x.is_optional = true;
    for (auto& each : seen_)
      each.push_back(x);
  }

  static void note(seen_event& x, const enqueue_reply& y) {
    x.said = y.outcome == enqueue_outcome::inserted ? answer::done
                                                    : answer::exists;
  }

  static void note(seen_event& x, const update_reply& y) {
    x.said = y.outcome == update_outcome::applied ? answer::done
             : y.outcome == update_outcome::already_terminal
               ? answer::terminal
               : answer::not_found;
  }

  static void note(seen_event& x, const status_reply& y) {
    x.shown = view_of(y.snapshot);
  }

  template <class Reply>
  static void note(seen_event&, const Reply&) {
    // Any answer will do.
  }

  pipeline to_;
  clock_and_numbers& shared_;
  const std::uint32_t number_;
  std::mt19937_64 random_;
  std::deque<sent_request> open_;
  events_by_id seen_;
};

struct findings {
  std::int64_t histories = 0;
  std::int64_t events = 0;
  std::int64_t unknown = 0;
  std::int64_t refused = 0;
  std::int64_t impossible = 0;
  std::int64_t undecided = 0;
  /// The first history that cannot be explained, shortened.
  std::vector<seen_event> worst;

  [[nodiscard]] std::string worst_text() const {
    std::string all;
    for (const auto& x : worst)
      all += "\n     " + to_string(x);
    return all;
  }
};

// Leaves out what is not needed to see that `history` is impossible: looks, and
// what may have had no effect.
std::vector<seen_event> shorten(std::vector<seen_event> history) {
  std::ranges::sort(history, {}, &seen_event::sent);
  for (std::size_t i = history.size(); i-- > 0;) {
    if (history[i].what != verb::look)
      continue;
    auto rest = history;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    if (linearizability_check{rest}() == verdict::impossible)
      history = std::move(rest);
  }
  return history;
}

// Lets all clients loose on `tracker`, round by round, each with ids of its
// own, and checks what they saw.
// @param between called before each round, while all is quiet.
// @param may_bundle whether every other client does.
findings run_clients(caf::actor_system& system, const tracking_actor& tracker,
                     bool may_bundle, std::uint64_t rounds, const report& r,
                     std::uint64_t part,
                     const std::function<void(const findings&)>& between) {
  clock_and_numbers shared;
  findings found;
  std::array<events_by_id, num_clients> seen;
  std::uint64_t round = 0;
  // Runs when all clients have arrived.
  const auto check = [&]() noexcept {
    for (std::uint32_t id = 0; round > 0 && id < ids_per_round; ++id) {
      std::vector<seen_event> history;
      for (auto& each : seen)
        history.insert(history.end(), each[id].begin(), each[id].end());
      found.events += static_cast<std::int64_t>(history.size());
      ++found.histories;
      const auto is = history.size() <= linearizability_check::max_events
                        ? linearizability_check{history}()
                        : verdict::undecided;
      if (is == verdict::impossible && found.impossible++ == 0)
        found.worst = shorten(std::move(history));
      found.undecided += is == verdict::undecided ? 1 : 0;
    }
    if (++round <= rounds)
      between(found);
  };
  std::barrier all_there{num_clients, check};
  std::atomic<std::int64_t> unknown{0};
  std::atomic<std::int64_t> refused{0};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < num_clients; ++i)
    threads.emplace_back([&, i] {
      client mine{system,
                  tracker,
                  shared,
                  i,
                  may_bundle ? way_of(i) : way::messages,
                  r.random(part * 1'000 + i)};
      all_there.arrive_and_wait();
      for (std::uint64_t k = 0; k < rounds; ++k) {
        seen[i] = mine.round(1 + k * ids_per_round);
        all_there.arrive_and_wait();
      }
      unknown += mine.unknown;
      refused += mine.refused;
    });
  for (auto& each : threads)
    each.join();
  found.unknown = unknown;
  found.refused = refused;
  return found;
}

// -- trackers that misbehave --------------------------------------------------

enum class habit : std::uint8_t {
  honest,
  /// Answers writes before COMMIT, which may fail.
  early_answer,
  /// Shows what is not committed yet, and may never be.
  dirty_read,
};

using lying_tracker = tracking_actor::extend<hears<commit_tick>>;

// A tracker without a file: the model, in batches of which some are undone.
class lying_tracker_impl : public lying_tracker::base {
public:
  using super = lying_tracker::base;

  lying_tracker_impl(caf::actor_config& config, habit how,
                     std::mt19937_64 random)
    : super{config}, habit_{how}, random_{random} {}

  behavior_type make_behavior() override {
    return {
      [this](const record_enqueue& x) { return apply(x, early()); },
      [this](const record_attempt& x) { return apply(x, early()); },
      [this](const record_terminal& x) { return apply(x, early()); },
      [this](const get_status& x) {
        return apply(x, habit_ == habit::dirty_read);
      },
      [this](const purge_terminal& x) { return apply(x, early()); },
      [this](const get_counts& x) { return apply(x, false); },
      [](const get_health&) { return health_reply{}; },
      [](const get_stats&) { return stats_reply{}; },
      [](const await_terminal&) { return wait_reply{}; },
      [](const list_operations&) { return list_reply{}; },
      [](const get_history&) { return history_reply{}; },
      [](const watch_transitions&) { return watch_reply{}; },
      [](const requeue&) { return requeue_reply{}; },
      [](const discard_many&) { return discard_reply{}; },
      [](const open_target&) { return target_reply{}; },
      [](const get_target&) { return target_reply{}; },
      [](const pause_target&) { return pause_reply{}; },
      [](const resume_target&) { return pause_reply{}; },
      [](const take_call&) { return take_reply{}; },
      [](const begin_call&) { return begin_reply{}; },
      [](const retry_call&) { return update_reply{}; },
      [](const end_call&) { return update_reply{}; },
      [](const find_calls&) { return find_reply{}; },
      [](const find_due&) { return find_reply{}; },
      [](const find_keyed&) { return find_reply{}; },
      [](const request_bundle&) -> caf::result<bundle_reply> {
        return to_error(errc::invalid_request, "it takes no bundles");
      },
      [this](const commit_tick&) { commit(); },
    };
  }

  void on_exit() override { held_.clear(); }

private:
  [[nodiscard]] bool early() const { return habit_ == habit::early_answer; }

  template <class Request>
  caf::typed_response_promise<typename Request::reply> apply(const Request& x,
                                                             bool at_once) {
    using reply_type = typename Request::reply;
    auto to = this->make_response_promise<reply_type>();
    if (held_.empty() && !is_open_) {
      is_open_ = true;
      tell(this, lying_tracker{this}, commit_tick{});
    }
    const auto reply = now_.apply(x, t0);
    if (at_once)
      to.deliver(reply);
    else
      held_.push_back([to, reply](bool committed) mutable {
        if (committed)
          to.deliver(reply);
        else
          to.deliver(to_error(errc::not_stored, "as the test wants it"));
      });
    return to;
  }

  void commit() {
    is_open_ = false;
    const auto succeeds = random_() % 4 != 0;
    if (succeeds)
      committed_ = now_;
    else
      now_ = committed_;
    for (auto& answer_to : std::exchange(held_, {}))
      answer_to(succeeds);
  }

  const habit habit_;
  std::mt19937_64 random_;
  model now_;
  model committed_;
  bool is_open_ = false;
  std::vector<std::function<void(bool)>> held_;
};

findings run_liar(caf::actor_system& system, habit how, const report& r,
                  std::uint64_t part) {
  const auto tracker = system.spawn<lying_tracker_impl>(how,
                                                        r.random(part * 1'000));
  auto found = run_clients(system, tracker, false, 20, r, part + 1,
                           [](const findings&) {});
  caf::scoped_actor self{system};
  self->send_exit(tracker, caf::exit_reason::user_shutdown);
  return found;
}

// A tracker that refuses everything, for a commit is in doubt, shows little.
void heal(caf::actor_system& system, const service& running) {
  eventually([&] {
    return ask(system, running.tracker(), get_health{}).state
           == health_state::ok;
  });
}

} // namespace

void linearizability(report& r) {
  const auto rounds = r.pick<std::uint64_t>(330, 12'500);
  actor_config config;
  caf::actor_system system{config};
  {
    const temp_dir dir;
    fault_vfs vfs;
    vfs.real_syncs = false;
    std::atomic<int> failing_sync{0}; // 1: the next one
    std::atomic<std::int64_t> failed{0};
    vfs.before = [&](const io_call& call) {
      if (call.op != io_op::sync || call.file != io_file::wal
          || failing_sync == 0 || --failing_sync > 0)
        return SQLITE_OK;
      ++failed;
      return SQLITE_IOERR_FSYNC;
    };
    waybill::options x;
    x.file = dir / "track.db";
    x.vfs = vfs.name();
    x.checkpoint_pages = 100;
    x.on_notice = [](severity, const std::string&) {};
    auto random = r.random();
    auto running = start(system, x);
    const auto tell_tries = [&](const findings& y) {
      r.tried(y.histories - y.undecided - r.tries(),
              static_cast<std::int64_t>(rounds * ids_per_round));
    };
    const auto found = run_clients(system, running.tracker(), true, rounds, r,
                                   1, [&](const findings& so_far) {
                                     tell_tries(so_far);
                                     heal(system, running);
                                     if (random() % 10 == 0)
                                       failing_sync
                                         = 1 + static_cast<int>(random() % 4);
                                   });
    tell_tries(found);
    running.stop();
    if (found.impossible > 0)
      r.violation(std::to_string(found.impossible)
                  + " histories that no order explains, for example"
                  + found.worst_text());
    // With many unknown outcomes the search may take for ever.
    r.require(found.undecided * 100 < found.histories,
              std::to_string(found.undecided)
                + " histories could not be decided");
    r.figure(std::to_string(found.undecided) + " more could not be decided");
    r.require(failed > 0 && found.unknown > 0,
              "no request had an unknown outcome");
    r.figure(std::to_string(found.events) + " events of "
             + std::to_string(num_clients) + " clients");
    r.figure(std::to_string(failed) + " failed commits");
    r.figure(std::to_string(found.unknown) + " unknown outcomes");
  }
  const auto honest = run_liar(system, habit::honest, r, 10);
  r.require(honest.impossible + honest.undecided == 0,
            "the check suspects an honest tracker");
  for (const auto& [how, name] :
       {std::pair{habit::early_answer, "early acknowledgement"},
        std::pair{habit::dirty_read, "dirty read"}}) {
    const auto found = run_liar(system, how, r,
                                20 + 10 * static_cast<std::uint64_t>(how));
    r.require(found.impossible > 0,
              std::string{"the planted "} + name + " was not caught");
    r.figure(std::string{"planted "} + name + ": caught in "
             + std::to_string(found.impossible) + " of "
             + std::to_string(found.histories));
  }
}

} // namespace waybill::torture
