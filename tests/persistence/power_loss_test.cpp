// Power loss, by replay: the files are rebuilt as the disk may hold them at any
// moment, and opened. What was answered must be there. (The row `power-loss` of
// the torture suite tries many more moments, and that lower durability fails.)

#include <algorithm>

#include "support/durable_image.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr std::uint64_t batches = 16;

using content = std::vector<std::string>;

struct power_loss_fixture {
  temp_dir dir;
  std::vector<content> after; // what is there after so many batches
  fault_vfs vfs;
  fault_vfs lazy; // for those that look
  store_options options = options_for(dir / "ops.db");
  std::mt19937_64 random{seed_for("power loss")};
  int images = 0;
  int lost = 0;
  int damaged = 0;

  power_loss_fixture() {
    vfs.real_syncs = false;
    lazy.real_syncs = false;
    options.checkpoint_pages = 100;
    options.vfs = vfs.name();
    auto quick = options_for(dir / "expected.db");
    quick.synchronous = durability::off;
    operation_tracking_store expected{quick};
    after.push_back(content_of(quick.file));
    for (std::uint64_t k = 0; k < batches; ++k) {
      run_batch(expected, k);
      after.push_back(content_of(quick.file));
    }
    operation_tracking_store{options}.close();
  }

  // Looks at what a power loss would leave now that `answered` batches are, and
  // perhaps one more is written.
  void cut(const durable_image& image, std::size_t answered,
           power_loss how = power_loss::drop_all) {
    ++images;
    const temp_dir copy;
    auto quick = options_for(copy / "ops.db");
    quick.vfs = lazy.name();
    image.write_to(quick.file, how, random);
    content found;
    bool is_sound = false;
    const auto e = error_of([&] {
      operation_tracking_store{quick}.close();
      is_sound = integrity_of(quick.file) == "ok";
      found = content_of(quick.file);
    });
    if (e.code || !is_sound) {
      ++damaged;
      return;
    }
    const auto is_one_more = answered + 1 < after.size()
                             && found == after[answered + 1];
    if (found != after[answered] && !is_one_more)
      ++lost;
  }

  power_loss any_loss() {
    return static_cast<power_loss>(random() % num_power_losses);
  }

  // Runs all batches and cuts the power after each answer, before each sync and
  // at some of the writes.
  void run() {
    durable_image image{vfs, options.file};
    operation_tracking_store store{options};
    std::size_t answered = 0;
    vfs.before = [&](const io_call& call) {
      if (call.op == io_op::sync)
        cut(image, answered, any_loss());
      else if (call.op == io_op::write && random() % 16 == 0)
        cut(image, answered, any_loss());
      return SQLITE_OK;
    };
    for (std::uint64_t k = 0; k < batches; ++k) {
      run_batch(store, k);
      answered = k + 1;
      cut(image, answered);
    }
    vfs.before = nullptr;
  }
};

} // namespace

TEST_CASE_METHOD(
  power_loss_fixture,
  "promise 1, durability: after a power loss at any moment every "
  "answered write is there",
  "[promise-1][promise-3]") {
  run();
  CHECK(images > 30);
  CHECK(lost == 0);
  CHECK(damaged == 0);
}

TEST_CASE_METHOD(power_loss_fixture,
                 "promise 11, corruption: a power loss in a transaction that "
                 "outgrew the cache is not taken for damage",
                 "[promise-1][promise-11]") {
  // SQLite writes such a one to the log before its COMMIT, and may write the
  // last page twice; with a history, that one is mostly new.
  options.file = dir / "small-cache.db";
  options.cache_bytes = 65'536;
  options.history = 0;
  { operation_tracking_store{options}; }
  durable_image image{vfs, options.file};
  operation_tracking_store store{options};
  after.assign(1, content_of(options.file));
  auto known = options;
  known.file = dir / "known.db";
  known.vfs = lazy.name();
  operation_tracking_store expected{known};
  const auto cuts = 30 / stride{"power losses"}.step();
  for (std::uint64_t k = 0; k < 3; ++k) {
    const auto run = [&](operation_tracking_store& x) {
      x.begin();
      for (std::uint64_t n = 100 * k + 1; n <= 100 * k + 60; ++n)
        x.record_enqueue(enqueue(n), at(1));
      for (int round = 0; round < 2; ++round)
        for (std::uint64_t n = 100 * k + 1; n <= 100 * k + 60; ++n) {
          auto y = attempt(n, round);
          y.last_error = std::string(3'000, 'x');
          x.record_attempt(y, at(2));
        }
      x.commit();
    };
    run(expected);
    const auto answered = after.size() - 1;
    after.push_back(content_of(known.file));
    vfs.before = [&](const io_call& call) {
      if (call.op == io_op::sync && call.file == io_file::wal)
        for (int i = 0; i < cuts; ++i)
          cut(image, answered, any_loss());
      return SQLITE_OK;
    };
    run(store);
    vfs.before = nullptr;
  }
  CHECK(images > 2 * cuts);
  CHECK(lost == 0);
  CHECK(damaged == 0);
}

TEST_CASE_METHOD(power_loss_fixture,
                 "promise 1, durability: what recover() found after a failed "
                 "sync survives a power loss",
                 "[promise-1][promise-2]") {
  // At each batch in turn, the sync of its commit fails, and the kernel forgets
  // what it could not write.
  const stride some{"failing syncs"};
  for (auto failing = 1 + std::uint64_t(some.first()); failing < 8;
       failing += std::uint64_t(some.step())) {
    const temp_dir scratch;
    std::filesystem::copy(options.file, scratch / "ops.db");
    auto mine = options;
    mine.file = scratch / "ops.db";
    mine.checkpoint_pages = 4'000; // no other syncs come between
    durable_image image{vfs, mine.file};
    operation_tracking_store store{mine};
    for (std::uint64_t k = 0; k < failing; ++k)
      run_batch(store, k);
    vfs.before = [&](const io_call& call) {
      if (call.op != io_op::sync || call.file != io_file::wal)
        return SQLITE_OK;
      image.forget_unsynced(call.file);
      vfs.before = nullptr;
      return SQLITE_IOERR_FSYNC;
    };
    CAPTURE(failing);
    REQUIRE(error_of([&] { run_batch(store, failing); }).code
            == errc::outcome_unknown);
    // Nor is anything lost if the power goes meanwhile.
    vfs.before = [&](const io_call& call) {
      // A single write that is missing is what a sync too few lets happen.
      if (call.op == io_op::sync)
        for (int i = 0; i < 8; ++i) {
          cut(image, failing, any_loss());
          cut(image, failing, power_loss::all_but_one);
        }
      return SQLITE_OK;
    };
    store.recover();
    vfs.before = nullptr;
    const auto shown = content_of(mine.file);
    const auto is_after = shown == after[failing + 1];
    CHECK((is_after || shown == after[failing]));
    const auto found = is_after ? failing + 1 : failing;
    cut(image, found);
    CHECK(lost == 0);
    CHECK(damaged == 0);
    // And all goes on from there.
    for (auto k = found; k < found + 3; ++k) {
      run_batch(store, k);
      cut(image, k + 1);
    }
    CHECK(lost == 0);
    CHECK(damaged == 0);
    vfs.after = nullptr;
  }
}
