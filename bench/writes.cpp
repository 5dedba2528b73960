// How fast requests are stored, against the same writes without actors.

#include <algorithm>
#include <span>

#include "baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"

namespace waybill::bench {

namespace {

std::int64_t now_us() {
  return timestamp::now().us();
}

// The clients of the tracker make theirs while they are timed.
std::vector<tracked_operation_id> make_ids(std::int64_t count) {
  id_source next{id_kind::v7, 1};
  std::vector<tracked_operation_id> ids(static_cast<std::size_t>(count));
  std::ranges::generate(ids, next);
  return ids;
}

using id_span = std::span<const tracked_operation_id>;

void enqueue_all(raw_store& store, id_span ids, std::uint64_t first) {
  store.begin();
  for (const auto& id : ids)
    store.enqueue(id, first++, now_us());
  store.commit();
}

// Does `f(store, ids, number of the first)` with `operations` ids, `batch` at a
// time; operations a second.
template <class F>
double raw_rate(const std::string& file, std::int64_t operations,
                std::int64_t batch, F&& f) {
  raw_store store{file};
  const auto ids = make_ids(operations);
  const auto took = seconds([&] {
    for (std::int64_t n = 0; n < operations; n += batch)
      f(store,
        id_span{ids}.subspan(static_cast<std::size_t>(n),
                             static_cast<std::size_t>(
                               std::min(batch, operations - n))),
        static_cast<std::uint64_t>(n));
  });
  return static_cast<double>(operations) / took;
}

double raw_enqueue(const std::string& file, std::int64_t operations,
                   std::int64_t batch) {
  return raw_rate(file, operations, batch, enqueue_all);
}

// With an attempt and a terminal of each, in transactions of their own.
double raw_lifecycle(const std::string& file, std::int64_t operations,
                     std::int64_t batch) {
  return raw_rate(file, operations, batch,
                  [](raw_store& store, id_span ids, std::uint64_t first) {
                    enqueue_all(store, ids, first);
                    store.begin();
                    for (const auto& id : ids)
                      store.attempt(id, now_us());
                    store.commit();
                    store.begin();
                    for (const auto& id : ids)
                      store.terminal(id, now_us());
                    store.commit();
                  });
}

using raw_loop = double (*)(const std::string&, std::int64_t, std::int64_t);

void against_raw(bench& b, const std::string& name, mix what, raw_loop raw,
                 std::int64_t operations) {
  std::vector<double> batches;
  auto batch = std::int64_t{1'024};
  const auto actor = [&] {
    const auto file = b.files.passing();
    running_tracker tracker{file.name()};
    const auto x = tracker.run({.what = what, .operations = operations});
    batches.push_back(x.mean_batch);
    batch = std::max<std::int64_t>(1, static_cast<std::int64_t>(median(batches)
                                                                + 0.5));
    return x.rate();
  };
  const auto baseline = [&] {
    const auto file = b.files.passing();
    return raw(file.name(), operations, batch);
  };
  actor(); // finds the batch
  const auto x = interleave(b.repeats, actor, baseline);
  b.out.figure(name + ".actor", x.a, "operations/s");
  b.out.figure(name + ".raw", x.b, "operations/s");
  b.out.figure(name + ".mean_batch", median(batches), "requests");
  b.out.ratio(name, x.ratio, goal::at_least, 0.9);
}

} // namespace

void enqueue_vs_raw(bench& b) {
  against_raw(b, "enqueue_vs_raw", mix::enqueue, raw_enqueue,
              b.out.pick(128'000, 512'000));
}

void lifecycle_vs_raw(bench& b) {
  against_raw(b, "lifecycle_vs_raw", mix::lifecycle, raw_lifecycle,
              b.out.pick(64'000, 256'000));
}

void history_cost(bench& b) {
  const auto operations = b.out.pick(64'000, 256'000);
  const auto rate = [&](std::int64_t history) {
    const auto file = b.files.passing();
    running_tracker tracker{file.name(), durability::full, history};
    return tracker.run({.what = mix::lifecycle, .operations = operations})
      .rate();
  };
  const auto x = interleave(
    b.repeats, [&] { return rate(options{}.history); },
    [&] { return rate(0); });
  b.out.figure("history_cost.with", x.a, "operations/s");
  b.out.figure("history_cost.without", x.b, "operations/s");
  b.out.ratio("history_cost", x.ratio, goal::at_least, 0.8);
}

void enqueue_vs_per_call(bench& b) {
  const auto operations = b.out.pick(64'000, 256'000);
  const auto calls = b.out.pick(1'000, 4'000);
  const auto x = interleave(
    b.repeats,
    [&] {
      const auto file = b.files.fresh();
      running_tracker tracker{file};
      return tracker.run({.operations = operations}).rate();
    },
    [&] { return raw_enqueue(b.files.fresh(), calls, 1); });
  b.out.figure("enqueue_vs_per_call.actor", x.a, "operations/s");
  b.out.figure("enqueue_vs_per_call.per_call", x.b, "operations/s");
  b.out.ratio("enqueue_vs_per_call", x.ratio, goal::at_least, 20);
}

void single_vs_per_call(bench& b) {
  const auto calls = b.out.pick(1'000, 4'000);
  const auto x = interleave(
    b.repeats,
    [&] {
      running_tracker tracker{b.files.fresh()};
      return tracker.run({.clients = 1, .window = 1, .operations = calls})
        .rate();
    },
    [&] { return raw_enqueue(b.files.fresh(), calls, 1); });
  b.out.figure("single_vs_per_call.actor", 1e6 / x.a, "µs");
  b.out.figure("single_vs_per_call.per_call", 1e6 / x.b, "µs");
  b.out.ratio("single_vs_per_call", x.ratio, goal::at_least, 0.7);
}

void v4_vs_v7(bench& b) {
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto operations = b.out.pick(64'000, 192'000);
  std::uint64_t seed = 10;
  const auto rate = [&](id_kind ids) {
    running_tracker tracker{b.files.with_rows(rows, ids)};
    return tracker
      .run({.operations = operations, .ids_made = ids, .seed = ++seed})
      .rate();
  };
  b.files.with_rows(rows, id_kind::v4);
  b.files.with_rows(rows, id_kind::v7);
  const auto x = interleave(
    b.repeats, [&] { return rate(id_kind::v4); },
    [&] { return rate(id_kind::v7); });
  b.out.figure("v4_vs_v7.v4", x.a, "operations/s");
  b.out.figure("v4_vs_v7.v7", x.b, "operations/s");
  b.out.ratio("v4_vs_v7", x.ratio, goal::at_least, 0.5);
}

} // namespace waybill::bench
