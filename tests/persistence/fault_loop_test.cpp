// Every call that SQLite makes to the system fails once, one run for each.
// Afterwards the file is sound, what was answered is there, and what was
// refused is not. The torture suite's row `vfs-faults` does the same to a
// running tracker, with all errors and for good; this is the quick look at the
// store alone.

#include <map>

#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

enum class fate { refused, unknown, stored };

struct fault_run {
  fault_vfs& vfs;
  store_options options;
  std::map<std::uint64_t, fate> fates;   // of enqueue requests
  std::map<std::uint64_t, fate> endings; // of terminal reports
  std::string surprises;

  // Runs `f`; any error must be one that says what became of the request.
  template <class F>
  fate run(F&& f) {
    const auto e = error_of(f);
    if (!e.code)
      return fate::stored;
    const auto known = e.code == errc::not_stored || e.code == errc::store_full
                       || e.code == errc::store_locked
                       || e.code == errc::store_unavailable
                       || e.code == errc::outcome_unknown;
    if (!known)
      surprises += to_string(*e.code) + ": " + e.text + "\n";
    return certainty_of(*e.code) == certainty::unknown ? fate::unknown
                                                       : fate::refused;
  }

  // One transaction of three new operations and the end of one before.
  void batch(operation_tracking_store& store, std::uint64_t k) {
    std::map<std::uint64_t, fate> batch_fates;
    auto ending = fate::refused;
    auto outcome = run([&] { store.begin(); });
    if (outcome == fate::stored) {
      for (auto n = 3 * k + 1; n <= 3 * k + 3; ++n)
        batch_fates[n] = run([&] { store.record_enqueue(enqueue(n), at(0)); });
      if (k > 0)
        ending
          = run([&] { store.record_terminal(terminal(3 * k - 2), at(1)); });
      outcome = run([&] { store.commit(); });
    } else {
      for (auto n = 3 * k + 1; n <= 3 * k + 3; ++n)
        batch_fates[n] = fate::refused;
    }
    for (const auto& [n, verb_fate] : batch_fates)
      fates[n] = std::min(verb_fate, outcome);
    if (k > 0)
      endings[3 * k - 2] = std::min(ending, outcome);
  }

  void go() {
    std::optional<operation_tracking_store> store;
    for (std::uint64_t k = 0; k < 4; ++k) {
      if (!store && run([&] { store.emplace(options); }) != fate::stored) {
        for (auto n = 3 * k + 1; n <= 3 * k + 3; ++n)
          fates[n] = fate::refused;
        continue;
      }
      if (store->needs_recovery())
        run([&] { store->recover(); });
      batch(*store, k);
    }
    if (store)
      store->maintain();
  }

  void check() {
    operation_tracking_store store{options};
    CHECK(surprises.empty());
    CHECK(integrity_of(options.file) == "ok");
    std::int64_t found = 0;
    for (const auto& [n, fate] : fates) {
      const auto x = store.get_status(status_of(n), at(2)).snapshot;
      found += x ? 1 : 0;
      CAPTURE(n);
      CHECK((fate == fate::unknown || x.has_value() == (fate == fate::stored)));
      if (const auto at = endings.find(n); at != endings.end() && x)
        CHECK((at->second == fate::unknown
               || is_terminal(x->status) == (at->second == fate::stored)));
    }
    std::int64_t counted = 0;
    for (const auto& each : store.get_counts().counts)
      counted += each.operations;
    CHECK(counted == found);
  }
};

// Fails call number `n` of a run on a new file.
// @returns false if there are fewer calls.
bool fails(int n) {
  const temp_dir dir;
  fault_vfs vfs;
  vfs.real_syncs = false;
  vfs.real_sleeps = false;
  bool reached = false;
  vfs.before = fail_call(n, reached);
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  fault_run run{vfs, options, {}, {}, {}};
  run.go();
  vfs.heal();
  CAPTURE(n);
  run.check();
  return reached;
}

} // namespace

TEST_CASE("promise 2, outcomes: whichever system call fails, answers are true "
          "and the file is sound",
          "[promise-2][promise-3][promise-11]") {
  const stride some{"failing system calls"};
  int n = 1 + some.first();
  while (fails(n))
    n += some.step();
  CHECK(n > 50);
}
