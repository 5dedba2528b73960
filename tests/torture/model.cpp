// Row 8: random operations, restarts and moves of the clock, compared answer by
// answer with a model. A history that fails is shortened and printed.

#include <algorithm>
#include <deque>
#include <iostream>
#include <memory>

#include "support/fake_clock.hpp"
#include "support/model.hpp"
#include "support/pipeline.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temp_dir.hpp"
#include "torture/rows.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t num_ids = 200;
constexpr std::size_t max_expected = 400;

// -- a history ----------------------------------------------------------------

struct ask_step {
  any_request request;
  /// A field is not acceptable.
  bool is_spoilt = false;
};

/// The wall clock moves, or both clocks do.
struct clock_step {
  microseconds by;
};

/// The tracker is stopped, another one started.
struct restart_step {};

using step = std::variant<ask_step, clock_step, restart_step>;
using history = std::vector<step>;

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

std::string text_of(const any_request& x) {
  return std::visit([](const auto& request) { return to_string(request); }, x);
}

std::string text_of(const any_reply& x) {
  return std::visit(
    []<class Reply>(const Reply& reply) {
      if constexpr (std::is_same_v<Reply, failure>)
        return to_string(reply.code) + ": " + reply.text;
      else
        return to_string(reply);
    },
    x);
}

std::string text_of(const step& x) {
  return std::visit(
    overloaded{[](const ask_step& ask) { return text_of(ask.request); },
               [](const clock_step& clock) {
                 return "the clock moves by " + std::to_string(clock.by.count())
                        + " us";
               },
               [](const restart_step&) { return std::string{"restart"}; }},
    x);
}

// -- where histories come from ------------------------------------------------

class generator {
public:
  explicit generator(std::mt19937_64 random) : random_{random} {}

  history make(std::size_t length) {
    history all;
    all.reserve(length);
    while (all.size() < length)
      all.push_back(any_step());
    return all;
  }

private:
  std::uint64_t any(std::uint64_t n) { return random_() % n; }

  bool one_in(std::uint64_t n) { return any(n) == 0; }

  step any_step() {
    const auto dice = any(10'000);
    if (dice < 40)
      return clock_step{move_clock()};
    if (dice < 42)
      return restart_step{};
    auto x = ask_step{any_request_about(id_of(1 + any(num_ids)))};
    x.is_spoilt = one_in(40);
    if (x.is_spoilt)
      std::visit([&](auto& request) { spoil(request); }, x.request);
    else if (one_in(30))
      std::visit(
        [&](auto& request) {
          request.deadline = now_ + microseconds{any(3)} - microseconds{1};
        },
        x.request);
    return x;
  }

  microseconds move_clock() {
    const auto by = one_in(3)    ? -microseconds{any(5'000'000)}
                    : one_in(10) ? microseconds{any(86'400'000'000)}
                                 : microseconds{any(200'000)};
    now_ = now_ + by;
    moments_.push_back(now_);
    if (moments_.size() > 100)
      moments_.pop_front();
    return by;
  }

  any_request any_request_about(const tracked_operation_id& id) {
    const auto dice = any(1'000);
    if (dice < 250)
      return record_enqueue{id,          "kind " + std::to_string(any(6)),
                            any_text(),  any_text(),
                            any_text(),  any_text(),
                            std::nullopt};
    if (dice < 500)
      return record_attempt{id,
                            static_cast<tracking_status>(any(2)),
                            static_cast<std::int32_t>(any(9)),
                            any_text(),
                            any_http_status(),
                            std::nullopt};
    if (dice < 700)
      return record_terminal{id, static_cast<tracking_status>(2 + any(4)),
                             any_text(), any_http_status(), std::nullopt};
    if (dice < 980)
      return get_status{id, std::nullopt};
    if (dice < 990)
      return get_counts{};
    // Half of the thresholds are moments at which operations have ended.
    const auto threshold = one_in(2) ? moments_[any(moments_.size())]
                                     : now_ - microseconds{any(10'000'000)};
    purge_terminal x{threshold, std::nullopt, std::nullopt};
    if (one_in(2))
      x.status = static_cast<tracking_status>(2 + any(4));
    return x;
  }

  std::optional<std::string> any_text() {
    static const std::optional<std::string> texts[]
      = {std::nullopt, "", "a", "b \u00e9", "'; --", std::string(200, 'x')};
    return one_in(20) ? "unique " + std::to_string(random_())
                      : texts[any(std::size(texts))];
  }

  std::optional<std::int32_t> any_http_status() {
    if (one_in(3))
      return std::nullopt;
    return 100 + static_cast<std::int32_t>(any(500));
  }

  // Makes a request unacceptable, by one field.
  void spoil(record_enqueue& x) {
    if (one_in(3))
      x.kind.clear();
    else if (one_in(2))
      x.target_summary = std::string(limits::max_target + 1, 'x');
    else
      x.source_node = "\xff";
  }

  void spoil(record_attempt& x) {
    if (one_in(3))
      x.status = static_cast<tracking_status>(2 + any(254));
    else if (one_in(2))
      x.retry_count = -1;
    else
      x.http_status = one_in(2) ? 99 : 600;
  }

  void spoil(record_terminal& x) {
    if (one_in(2))
      x.status = one_in(2) ? tracking_status::retrying
                           : static_cast<tracking_status>(6 + any(250));
    else
      x.last_error = std::string{"a\0b", 3};
  }

  void spoil(get_status& x) { x.id = {}; }

  void spoil(purge_terminal& x) {
    if (one_in(2))
      x.status = tracking_status::submitted;
    else
      x.older_than = timestamp{INT64_MAX};
  }

  void spoil(get_counts& x) { x.deadline = timestamp{INT64_MAX}; }

  std::mt19937_64 random_;
  timestamp now_ = t0;
  std::deque<timestamp> moments_{t0}; // the last ones on the clock
};

// -- running one --------------------------------------------------------------

/// What is wrong with a model, on purpose, so that there is something to find.
enum class flaw : std::uint8_t { none, forgets_first_terminal };

struct mismatch {
  std::size_t at;
  std::string what;
};

// Runs a history on a new file, with many requests open at a time.
class run {
public:
  run(const history& steps, flaw in_model) : steps_{steps}, flaw_{in_model} {
    options_.file = dir_ / "track.db";
    options_.clock = clock_.source();
    options_.checkpoint_pages = 100;
    options_.purge_chunk_rows = 16;
    options_.retention_interval = std::chrono::hours{24};
    options_.on_notice = [](severity, const std::string&) {};
    running_.emplace(start(system_, options_));
    to_.emplace(system_, running_->tracker(), way_of(++starts_));
  }

  std::optional<mismatch> operator()() {
    for (std::size_t i = 0; i < steps_.size() && !found_; ++i)
      std::visit(overloaded{[&](const ask_step& x) { ask(i, x); },
                            [&](const clock_step& x) {
                              // The requests before must not see it.
                              settle();
                              clock_.advance(x.by);
                            },
                            [&](const restart_step&) {
                              settle();
                              restart();
                            }},
                 steps_[i]);
    settle();
    if (!found_)
      check_all();
    return found_;
  }

private:
  struct expected_reply {
    std::size_t at;
    any_reply reply;
  };

  void ask(std::size_t i, const ask_step& x) {
    if (expected_.size() >= max_expected)
      receive();
    expected_.push_back({i, expect(x)});
    to_->send(x.request);
    // Its steps are behind what waits: later requests would see rows that it
    // has not come to yet.
    if (std::holds_alternative<purge_terminal>(x.request))
      settle();
  }

  any_reply expect(const ask_step& x) {
    if (x.is_spoilt)
      return failure{errc::invalid_request, ""};
    const auto now = clock_.source().wall();
    return std::visit(
      [&](const auto& request) {
        // At its deadline a request is in time.
        if (request.deadline && now > *request.deadline)
          return any_reply{failure{errc::deadline_passed, ""}};
        any_reply reply = model_.apply(request, now);
        if (flaw_ == flaw::forgets_first_terminal)
          for (auto& [id, row] : model_.rows)
            if (row.status == tracking_status::parked)
              row.terminal_at.reset();
        return reply;
      },
      x.request);
  }

  void receive() {
    const auto [at, expected] = std::move(expected_.front());
    expected_.pop_front();
    const auto reply = to_->receive();
    if (!found_ && !same(reply, expected))
      found_ = mismatch{at, "answered " + text_of(reply) + ", not "
                              + text_of(expected)};
  }

  void settle() {
    while (!expected_.empty())
      receive();
  }

  static bool same(const any_reply& a, const any_reply& b) {
    if (a.index() != b.index())
      return false;
    return std::visit(
      [&]<class Reply>(const Reply& x) {
        const auto& y = std::get<Reply>(b);
        if constexpr (std::is_same_v<Reply, failure>)
          return x.code == y.code;
        else
          return x == y;
      },
      a);
  }

  void restart() {
    to_.reset();
    running_.reset();
    running_.emplace(start(system_, options_));
    to_.emplace(system_, running_->tracker(), way_of(++starts_));
  }

  void check_all() {
    for (std::uint64_t n = 1; n <= num_ids; ++n)
      ask(steps_.size(), ask_step{status_of(n)});
    ask(steps_.size(), ask_step{get_counts{}});
    settle();
    to_.reset();
    running_.reset();
    if (const auto what = integrity_of(options_.file); !found_ && what != "ok")
      found_ = mismatch{steps_.size(), what};
  }

  const history& steps_;
  const flaw flaw_;
  const temp_dir dir_;
  actor_config config_;
  caf::actor_system system_{config_};
  fake_clock clock_;
  waybill::options options_;
  std::optional<service> running_;
  std::optional<pipeline> to_;
  std::uint64_t starts_ = 0;
  model model_;
  std::deque<expected_reply> expected_;
  std::optional<mismatch> found_;
};

// -- shortening ---------------------------------------------------------------

// Leaves parts out for as long as the rest still fails (delta debugging), at
// most for a minute.
history shorten(history steps, flaw in_model) {
  const auto end = std::chrono::steady_clock::now() + seconds{60};
  if (const auto found = run{steps, in_model}())
    steps.resize(std::min(steps.size(), found->at + 1));
  for (auto part = steps.size() / 2; part > 0;) {
    auto shortened = false;
    for (std::size_t from = 0; from < steps.size();) {
      if (std::chrono::steady_clock::now() > end)
        return steps;
      auto rest = steps;
      const auto first = rest.begin() + static_cast<std::ptrdiff_t>(from);
      rest.erase(first, first
                          + static_cast<std::ptrdiff_t>(
                            std::min(part, steps.size() - from)));
      if (run{rest, in_model}()) {
        steps = std::move(rest);
        shortened = true;
      } else {
        from += part;
      }
    }
    if (!shortened || part > steps.size() / 2)
      part = std::min(part / 2, steps.size() / 2);
  }
  return steps;
}

std::string printed(const history& steps, flaw in_model) {
  std::string all;
  for (const auto& x : steps)
    all += "\n     " + text_of(x);
  if (const auto found = run{steps, in_model}())
    all += "\n     " + found->what;
  return all;
}

} // namespace

void model_row(report& r) {
  const auto histories = r.pick(13, 500);
  constexpr std::size_t length = 20'100; // of which some are no requests
  std::int64_t restarts = 0;
  std::int64_t clock_moves = 0;
  for (int i = 0; i < histories; ++i) {
    const auto steps
      = generator{r.random(static_cast<std::uint64_t>(i))}.make(length);
    if (run{steps, flaw::none}()) {
      // One is enough to look at.
      const auto few = r.violations() > 0 ? history{}
                                          : shorten(steps, flaw::none);
      r.violation("history " + std::to_string(i) + ", shortened to "
                  + std::to_string(few.size())
                  + " steps:" + printed(few, flaw::none));
    }
    std::int64_t requests = 0;
    for (const auto& x : steps) {
      requests += std::holds_alternative<ask_step>(x) ? 1 : 0;
      restarts += std::holds_alternative<restart_step>(x) ? 1 : 0;
      clock_moves += std::holds_alternative<clock_step>(x) ? 1 : 0;
    }
    r.tried(requests, histories * static_cast<std::int64_t>(length));
  }
  r.figure(std::to_string(restarts) + " restarts");
  r.figure(std::to_string(clock_moves) + " moves of the clock");
  // The model with a rule less must be found out, and by a few steps.
  const auto steps = generator{r.random(1'000'000)}.make(2'000);
  const auto few = shorten(steps, flaw::forgets_first_terminal);
  r.require(run{few, flaw::forgets_first_terminal}().has_value()
              && few.size() >= 2 && few.size() <= 5,
            "a flawed model was not found out by a short history");
  r.figure("a flawed model fails, shortened from 2000 to "
           + std::to_string(few.size()) + " steps");
}

} // namespace waybill::torture
