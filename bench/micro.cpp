// Micro figures: what one step of a request costs by itself.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "waybill/json.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/request_bundle.hpp"
#include "workload.hpp"

namespace {

using namespace waybill;
using namespace waybill::bench;

void make_id(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(tracked_operation_id::generate());
}
BENCHMARK(make_id);

void make_request(benchmark::State& state) {
  std::uint64_t n = 0;
  for (auto _ : state) {
    ++n;
    benchmark::DoNotOptimize(enqueue_of({1, n}, n));
  }
}
BENCHMARK(make_request);

void check_request(benchmark::State& state) {
  const auto x = enqueue_of({1, 2}, 3);
  for (auto _ : state)
    benchmark::DoNotOptimize(find_fault(x));
}
BENCHMARK(check_request);

void add_to_bundle(benchmark::State& state) {
  const auto x = enqueue_of({1, 2}, 3);
  request_bundle bundle;
  for (auto _ : state) {
    bundle.add(x);
    if (bundle.size() == 16)
      bundle = {};
  }
}
BENCHMARK(add_to_bundle);

void write_snapshot_as_json(benchmark::State& state) {
  tracking_status_snapshot x;
  x.kind = kind_text(1);
  x.target_summary = target_text(1);
  for (auto _ : state)
    benchmark::DoNotOptimize(to_json_text(x));
}
BENCHMARK(write_snapshot_as_json);

// The store's verbs without actors; a transaction for 1,024 of them.
class store_bench : public benchmark::Fixture {
public:
  void SetUp(const benchmark::State&) override {
    auto name = (std::filesystem::current_path() / "micro-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    store_options x;
    x.file = folder_ + "/micro.db";
    store_ = std::make_unique<operation_tracking_store>(x);
  }

  void TearDown(const benchmark::State&) override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

protected:
  template <class F>
  void in_batches(benchmark::State& state, F&& f) {
    std::uint64_t n = 0;
    store_->begin();
    for (auto _ : state) {
      f(n);
      if (++n % 1'024 == 0) {
        store_->commit();
        store_->begin();
      }
    }
    store_->commit();
  }

  std::string folder_;
  std::unique_ptr<operation_tracking_store> store_;
};

BENCHMARK_F(store_bench, enqueue)(benchmark::State& state) {
  in_batches(state, [&](std::uint64_t n) {
    store_->record_enqueue(enqueue_of(tracked_operation_id::generate(), n),
                           timestamp::now());
  });
}

BENCHMARK_F(store_bench, lifecycle)(benchmark::State& state) {
  in_batches(state, [&](std::uint64_t n) {
    const auto id = tracked_operation_id::generate();
    store_->record_enqueue(enqueue_of(id, n), timestamp::now());
    store_->record_attempt(attempt_of(id), timestamp::now());
    store_->record_terminal(terminal_of(id), timestamp::now());
  });
}

BENCHMARK_F(store_bench, get_status)(benchmark::State& state) {
  const tracked_operation_id id{1, 2};
  store_->record_enqueue(enqueue_of(id, 1), timestamp::now());
  for (auto _ : state)
    benchmark::DoNotOptimize(
      store_->get_status({id, std::nullopt}, timestamp::now()));
}

} // namespace
