#include "clients.hpp"

#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "waybill/ask.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/protocol.hpp"
#include "waybill/tracking_client.hpp"

namespace waybill::bench {

namespace {

using steady = std::chrono::steady_clock;

// What the clients of a load share.
struct shared_load {
  shared_load(const load& y, std::size_t clients)
    : x{y}, running{static_cast<std::ptrdiff_t>(clients)} {}

  load x;
  std::latch running;
  std::mutex mutex;
  load_result sum;
};

using client_actor = caf::typed_actor<hears<work_tick>>;

class client : public client_actor::base {
public:
  client(caf::actor_config& config, tracking_actor tracker,
         std::shared_ptr<shared_load> shared, std::size_t number,
         std::int64_t operations)
    : client_actor::base{config},
      tracker_{tracker},
      pipeline_{this, std::move(tracker)},
      shared_{std::move(shared)},
      x_{shared_->x},
      ids_{x_.ids_made, x_.seed * 1'000 + number},
      random_{x_.seed * 1'000 + number},
      left_{operations} {}

  const char* name() const override { return "bench.client"; }

  behavior_type make_behavior() override {
    return {[this](const work_tick&) {
      const auto together = pipeline_.hold();
      for (std::size_t i = 0; i < x_.window && !done_; ++i)
        begin_next();
      if (under_way_ == 0)
        finish();
    }};
  }

private:
  void begin_next() {
    if (left_ == 0 || (x_.stop != nullptr && x_.stop->load())) {
      if (under_way_ == 0)
        finish();
      return;
    }
    --left_;
    ++under_way_;
    if (x_.what == mix::status) {
      const auto& ids = *x_.ids;
      ask<3>(get_status{ids[random_() % ids.size()], std::nullopt},
             [this](const auto& reply) {
               count(reply.snapshot.has_value());
               end_one();
             });
      return;
    }
    const auto id = ids_();
    ask<0>(enqueue_of(id, random_()), [this, id](const enqueue_reply& reply) {
      count(reply.outcome == enqueue_outcome::inserted);
      if (x_.what == mix::lifecycle)
        attempt(id);
      else
        end_one();
    });
  }

  void attempt(tracked_operation_id id) {
    ask<1>(attempt_of(id), [this, id](const update_reply& reply) {
      count(reply.outcome == update_outcome::applied);
      ask<2>(terminal_of(id), [this](const update_reply& last) {
        count(last.outcome == update_outcome::applied);
        end_one();
      });
    });
  }

  template <std::size_t Verb, class Request, class F>
  void ask(Request what, F f) {
    using reply_type = typename Request::reply;
    const auto began = x_.latencies ? steady::now() : steady::time_point{};
    auto ended = [this, began, f](const reply_type* reply, const failure& why) {
      if (x_.latencies)
        result_.latencies[Verb].push_back(
          std::chrono::duration<double, std::micro>(steady::now() - began)
            .count());
      if (reply != nullptr) {
        f(*reply);
      } else {
        count(false, why.text.c_str());
        end_one();
      }
    };
    if (x_.bundled)
      pipeline_.ask(std::move(what), [ended](const outcome<reply_type>& y) {
        ended(y.reply ? &*y.reply : nullptr, y.why);
      });
    else
      waybill::request(this, tracker_, std::chrono::seconds{60},
                       std::move(what))
        .then([ended](const reply_type& y) { ended(&y, {}); },
              [ended](const caf::error& e) { ended(nullptr, to_failure(e)); });
  }

  void count(bool as_expected, const char* why = "an unexpected reply") {
    if (!as_expected && result_.failed++ == 0)
      result_.first_failure = why;
  }

  void end_one() {
    --under_way_;
    ++result_.operations;
    if (x_.finished != nullptr)
      x_.finished->fetch_add(1, std::memory_order_relaxed);
    begin_next();
  }

  void finish() {
    if (std::exchange(done_, true))
      return;
    {
      const std::lock_guard guard{shared_->mutex};
      auto& sum = shared_->sum;
      sum.operations += result_.operations;
      sum.failed += result_.failed;
      if (result_.failed > 0)
        sum.first_failure = result_.first_failure;
      for (std::size_t i = 0; i < 4; ++i)
        sum.latencies[i].insert(sum.latencies[i].end(),
                                result_.latencies[i].begin(),
                                result_.latencies[i].end());
    }
    this->quit();
    shared_->running.count_down();
  }

  tracking_actor tracker_;
  tracking_client<client> pipeline_;
  std::shared_ptr<shared_load> shared_;
  const load& x_;
  id_source ids_;
  std::minstd_rand random_;
  std::int64_t left_;
  std::size_t under_way_ = 0;
  bool done_ = false;
  load_result result_;
};

} // namespace

load_result run_load(caf::actor_system& system, const tracking_actor& tracker,
                     const load& x) {
  auto shared = std::make_shared<shared_load>(x, x.clients);
  std::vector<client_actor> clients;
  const auto each = x.operations / static_cast<std::int64_t>(x.clients);
  for (std::size_t i = 0; i < x.clients; ++i)
    clients.push_back(system.spawn<client>(tracker, shared, i, each));
  const auto before = ask(system, tracker, get_health{});
  const auto began = steady::now();
  {
    caf::scoped_actor self{system};
    for (const auto& actor : clients)
      tell(self, actor, work_tick{});
  }
  shared->running.wait();
  const std::chrono::duration<double> took = steady::now() - began;
  const auto after = ask(system, tracker, get_health{});
  auto result = std::move(shared->sum);
  result.seconds = took.count();
  const auto batches = after.batches - before.batches;
  if (batches > 0)
    result.mean_batch
      = static_cast<double>(after.batched_requests - before.batched_requests)
        / static_cast<double>(batches);
  if (result.failed > 0)
    throw std::runtime_error{std::to_string(result.failed)
                             + " requests of a load failed, as in: "
                             + result.first_failure};
  return result;
}

running_tracker::running_tracker(const std::string& file,
                                 durability synchronous, std::int64_t history,
                                 duplicate_scope duplicates_of,
                                 on_off operator_socket)
  : service_{start(system, options_for(file, synchronous, history,
                                       duplicates_of, operator_socket))} {}

options running_tracker::options_for(const std::string& file,
                                     durability synchronous,
                                     std::int64_t history,
                                     duplicate_scope duplicates_of,
                                     on_off operator_socket) {
  options x;
  x.file = file;
  x.synchronous = synchronous;
  x.history = history;
  // Nothing is purged but on request.
  x.retention_delivered = x.retention_parked = x.retention_failed
    = x.retention_discarded = x.duplicate_window = std::nullopt;
  x.duplicate_window_for = duplicates_of;
  x.operator_socket = operator_socket;
  // Of targets that are paused and resumed again and again.
  x.on_notice = [](severity level, const std::string& text) {
    if (level != severity::info)
      print_notice(level, text);
  };
  return x;
}

} // namespace waybill::bench
