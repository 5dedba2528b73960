// What is remembered of purged operations: what that costs a call that is taken
// and a purge, and how long it takes to tell what an operation was.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "baselines.hpp"
#include "lines.hpp"
#include "waybill/call_store.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/page_seal.hpp"
#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/tombstone_table.hpp"

namespace waybill::bench {

namespace {

constexpr const char* target_name = "plant";

// Of this thread, in seconds: others may be at work on the machine.
double thread_seconds() {
  timespec x{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &x);
  return static_cast<double>(x.tv_sec) + 1e-9 * static_cast<double>(x.tv_nsec);
}

store_options options_for(const std::string& file) {
  store_options x;
  x.file = file;
  x.max_tombstones = 1'000'000'000;
  return x;
}

struct added_tombstones {
  std::vector<tracked_operation_id> some;
  double bytes_each = 0;
};

// Adds tombstones to a store at rest, as purges do.
added_tombstones add_tombstones(const std::string& file, std::int64_t rows,
                                id_kind kind) {
  constexpr std::int64_t rows_a_step = 512;
  const sqlite::sealed_vfs vfs{"", store_application_id};
  sqlite::connection db{file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        vfs.name()};
  db.set_up(store_options{}.cache_bytes);
  db.exec("PRAGMA synchronous = OFF");
  const auto used = [&] {
    return static_cast<double>(sqlite::page_bytes)
           * static_cast<double>(db.query_int("PRAGMA page_count")
                                 - db.query_int("PRAGMA freelist_count"));
  };
  const auto before = used();
  tombstone_table table{run_sizes{}};
  table.load(db);
  added_tombstones x;
  id_source next{kind, 4711};
  const auto now = timestamp::now();
  for (std::int64_t n = 1; n <= rows;) {
    db.exec("BEGIN IMMEDIATE");
    for (const auto end = std::min(rows + 1, n + rows_a_step); n < end; ++n) {
      const auto id = next();
      table.add({id, {tracking_status::delivered, now, now}});
      if (n % std::max<std::int64_t>(1, rows / 10'000) == 0)
        x.some.push_back(id);
    }
    table.merge();
    table.sweep(64);
    table.flush();
    db.exec("COMMIT");
    table.on_commit();
  }
  table.close();
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  x.bytes_each = (used() - before) / static_cast<double>(rows);
  return x;
}

// A store on which calls are taken.
class taking_store {
public:
  explicit taking_store(const std::string& file) : store_{options_for(file)} {
    target_bounds bounds;
    bounds.max_calls = 1'000'000'000;
    bounds.max_bytes = std::int64_t{1} << 40;
    store_.calls().open_target({target_name, bounds, 3, {}}, timestamp::now());
  }

  // Calls for a second of this thread's processor time.
  double take(std::int64_t calls, id_kind kind, std::uint64_t seed) {
    id_source next{kind, seed};
    const auto began = thread_seconds();
    for (std::int64_t n = 0; n < calls;) {
      store_.begin();
      for (const auto end = std::min(calls, n + 1'024); n < end; ++n)
        take_one(next(), static_cast<std::uint64_t>(n));
      store_.commit();
    }
    const auto took = thread_seconds() - began;
    store_.maintain();
    return static_cast<double>(calls) / took;
  }

  // µs for each question about one of these.
  double ask(std::vector<tracked_operation_id> ids, std::size_t questions) {
    std::ranges::shuffle(ids, std::mt19937_64{1});
    const auto n = std::min(questions, ids.size());
    const auto took = seconds([&] {
      for (std::size_t i = 0; i < n; ++i)
        if (!store_.get_status({ids[i], std::nullopt}, timestamp::now()).purged)
          throw std::runtime_error{"a tombstone is missing"};
    });
    return 1e6 * took / static_cast<double>(n);
  }

private:
  void take_one(const tracked_operation_id& id, std::uint64_t n) {
    const auto reply
      = store_.calls().take({.target = target_name,
                             .call = {.id = id,
                                      .kind = kind_text(n),
                                      .target_summary = target_text(n),
                                      .source_instance_id = instance_text(n),
                                      .source_script = script_text(n),
                                      .source_node = node_text(n),
                                      .payload = std::string(256, 'x')},
                             .root = std::nullopt,
                             .codec = std::nullopt,
                             .deadline = std::nullopt},
                            timestamp::now());
    if (reply.outcome != take_outcome::taken)
      throw std::runtime_error{"a call was not taken"};
  }

  operation_tracking_store store_;
};

// Calls taken beside `rows` tombstones / without any, on files that grow alike.
void compare(bench& b, const std::string& name, id_kind kind,
             std::int64_t rows) {
  const auto calls = b.out.pick<std::int64_t>(50'000, 200'000);
  const auto with = b.files.passing();
  const auto without = b.files.passing();
  for (const auto* const each : {&with, &without})
    operation_tracking_store{options_for(each->name())}.close();
  added_tombstones added;
  const auto adding
    = seconds([&] { added = add_tombstones(with.name(), rows, kind); });
  b.out.figure(name + ".add", 1e9 * adding / static_cast<double>(rows),
               "ns a tombstone");
  b.out.figure(name + ".bytes", added.bytes_each, "bytes a tombstone");
  std::optional<taking_store> a;
  taking_store c{without.name()};
  const auto opening = seconds([&] { a.emplace(with.name()); });
  b.out.figure(name + ".open", 1e3 * opening, "ms");
  std::uint64_t seed = 0;
  const auto x = interleave(
    b.repeats, [&] { return a->take(calls, kind, ++seed); },
    [&] { return c.take(calls, kind, ++seed); });
  b.out.figure(name + ".with", x.a, "calls/s of a processor");
  b.out.figure(name + ".without", x.b, "calls/s of a processor");
  b.out.ratio(name, x.ratio, goal::at_least, 0.9);
  b.out.ratio(name + ".status_us", a->ask(added.some, 2'000), goal::at_most,
              1'000);
}

} // namespace

void tombstone_enqueue(bench& b) {
  const auto rows = b.out.pick<std::int64_t>(500'000, 10'000'000);
  compare(b, "tombstone_enqueue", id_kind::v7, rows);
  compare(b, "tombstone_enqueue_v4", id_kind::v4, rows);
}

} // namespace waybill::bench
