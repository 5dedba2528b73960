// Row 5: the sync of the log fails at each commit in turn. Nobody is told that
// it is done, nobody that it is not; after a kill or a power loss, then or
// while the tracker recovers, a retry gives one row each.

#include "support/actors.hpp"
#include "support/durable_image.hpp"
#include "support/plain_sqlite.hpp"
#include "torture/gate.hpp"
#include "torture/ledger.hpp"
#include "torture/rows.hpp"
#include "waybill/operation_tracking_store.hpp"

namespace waybill::torture {

namespace {

using namespace test;

constexpr std::uint64_t ids_per_batch = 4;

options quiet_options(const std::string& file) {
  options x;
  x.file = file;
  x.checkpoint_pages = 100;
  x.on_notice = [](severity, const std::string&) {};
  x.overlap_commits = false; // what is sent at once is one batch
  return x;
}

// Batch `k`: some operations come, those of the batch before end.
struct change {
  std::uint64_t n;
  stage to;

  void send_to(pipeline& client) const {
    if (to == stage::submitted)
      client.send(enqueue(n));
    else
      client.send(terminal(n));
  }
};

std::vector<change> batch(std::uint64_t k) {
  std::vector<change> all;
  for (auto n = k * ids_per_batch + 1; n <= (k + 1) * ids_per_batch; ++n) {
    all.push_back({n, stage::submitted});
    if (k > 0)
      all.push_back({n - ids_per_batch, stage::finished});
  }
  return all;
}

// Files as a crash left them.
struct crash {
  std::string what;
  temp_dir dir;
};

class sync_faults_row {
public:
  explicit sync_faults_row(report& r) : r_{r} {}

  void run() {
    const auto commits = r_.pick<std::uint64_t>(60, 1'000);
    for (std::uint64_t k = 0; k < commits; ++k) {
      fail_commit(k, k % 2 == 1);
      r_.tried(1, static_cast<std::int64_t>(commits));
    }
    r_.require(were_there_ > 0 && were_there_ < crashes_,
               "the commit is there after all crashes, or after none");
    r_.figure(std::to_string(crashes_) + " kills and power losses");
    r_.figure(std::to_string(were_there_) + " of them with the commit");
  }

private:
  // The sync of commit `k` fails, and with `lasting` the next few too.
  void fail_commit(std::uint64_t k, bool lasting) {
    auto random = r_.random(k);
    const temp_dir dir;
    fault_vfs vfs;
    vfs.real_syncs = false;
    auto x = quiet_options(dir / "ops.db");
    { operation_tracking_store{{.file = x.file, .vfs = {}}}; }
    x.vfs = vfs.name();
    const gate clock;
    x.clock = clock.clock();
    durable_image image{vfs, x.file};
    std::vector<std::unique_ptr<crash>> crashes;
    const auto cut = [&](const std::string& when) {
      const auto add = [&](const char* how) -> std::string {
        crashes.push_back(std::make_unique<crash>());
        crashes.back()->what = std::string{how} + when;
        return crashes.back()->dir / "ops.db";
      };
      image.write_all_to(add("kill at "));
      image.write_to(add("power loss at "), power_loss::drop_all, random);
      image.write_to(add("power loss with some writes at "),
                     power_loss::some_sectors, random);
    };
    std::atomic<bool> armed{false};
    int failures = 0;
    auto log_is_synced = true;
    vfs.before = [&](const io_call& call) -> int {
      const auto is_log = call.file == io_file::wal;
      if (is_log && call.op == io_op::write)
        log_is_synced = false;
      // A checkpoint syncs a log that is synced already: no commit is in doubt.
      if (call.op != io_op::sync
          || (is_log && std::exchange(log_is_synced, true)) || !armed)
        return SQLITE_OK;
      if (crashes.size() < 12)
        cut("sync " + std::to_string(crashes.size() / 3));
      if (call.file != io_file::wal || failures >= (lasting ? 4 : 1))
        return SQLITE_OK;
      ++failures;
      image.forget_unsynced(io_file::wal);
      return SQLITE_IOERR_FSYNC;
    };

    ledger book;
    auto running = start(system_, x);
    pipeline client{system_, running.tracker()};
    // As many batches of their own as it takes, but not thousands.
    const auto first = k > 40 ? k - 40 : 0;
    for (auto j = first; j < k; ++j)
      send(client, batch(j), book, "before");
    // The tracker waits until all of the batch is in its mailbox.
    clock.close();
    client.send(status_of(k * ids_per_batch + 1));
    const auto failing = batch(k);
    for (const auto& each : failing)
      each.send_to(client);
    armed = true;
    clock.open();
    client.receive();
    for (const auto& each : failing) {
      const auto reply = client.receive();
      note(book.told(each.n, each.to, reply));
      const auto* const e = std::get_if<failure>(&reply);
      if (e == nullptr || e->code != errc::outcome_unknown)
        r_.violation("commit " + std::to_string(k) + " failed, told "
                     + (e == nullptr ? "done" : to_string(e->code)));
    }
    const auto is_ok = [&] {
      return ask(system_, running.tracker(), get_health{}).state
             == health_state::ok;
    };
    r_.require(eventually(is_ok, std::chrono::seconds{10}),
               "it does not recover");
    armed = false;
    for (const auto& each : crashes)
      look_at(*each, k, first, book);
    retry(running, k, book, "commit " + std::to_string(k));
    r_.require(running.stop(), "did not stop in time");
    vfs.before = nullptr;
    vfs.after = nullptr;
    check_file(x.file, k, first, "commit " + std::to_string(k));
  }

  void look_at(const crash& x, std::uint64_t k, std::uint64_t first,
               const ledger& book) {
    ++crashes_;
    const auto where = "commit " + std::to_string(k) + ", " + x.what;
    auto quick = quiet_options(x.dir / "ops.db");
    fault_vfs lazy;
    lazy.real_syncs = false;
    quick.vfs = lazy.name();
    {
      auto running = start(system_, quick);
      auto mine = book;
      pipeline client{system_, running.tracker()};
      std::int64_t shown = 0;
      for (const auto n : book.operations()) {
        client.send(status_of(n));
        const auto reply = client.receive();
        const auto* const row = std::get_if<status_reply>(&reply);
        if (row == nullptr) {
          r_.violation(where + ": a question was refused");
          continue;
        }
        note(mine.shown(n, row->snapshot), where);
        shown += row->snapshot && n > k * ids_per_batch ? 1 : 0;
      }
      r_.require(shown == 0 || shown == ids_per_batch,
                 where + ": a part of a batch is there");
      were_there_ += shown > 0 ? 1 : 0;
      retry(running, k, mine, where);
      running.stop();
    }
    check_file(quick.file, k, first, where);
  }

  void retry(service& running, std::uint64_t k, ledger& book,
             const std::string& where) {
    pipeline client{system_, running.tracker()};
    send(client, batch(k), book, where);
    send(client, batch(k), book, where);
  }

  void send(pipeline& client, const std::vector<change>& steps, ledger& book,
            const std::string& where) {
    for (const auto& each : steps)
      each.send_to(client);
    for (const auto& each : steps) {
      const auto reply = client.receive();
      note(book.told(each.n, each.to, reply), where);
      if (const auto* const e = std::get_if<failure>(&reply))
        r_.violation(where + ": refused: " + e->text);
    }
  }

  // One row for each operation of the batches `first` to `k`, and no other.
  void check_file(const std::string& file, std::uint64_t k, std::uint64_t first,
                  const std::string& where) {
    r_.require(integrity_of(file) == "ok", where + ": the file is damaged");
    auto db = open_reader(file);
    const auto due = std::to_string((k + 1 - first) * ids_per_batch);
    for (const char* sql : {"SELECT count(*) FROM operation",
                            "SELECT count(DISTINCT id) FROM operation",
                            "SELECT sum(operations) FROM counter"})
      r_.require(first_column(db, sql).at(0) == due,
                 where + ": not one row each");
  }

  void note(const std::string& fault, const std::string& where = "") {
    if (!fault.empty())
      r_.violation(where + ": " + fault);
  }

  report& r_;
  actor_config config_;
  caf::actor_system system_{config_};
  std::int64_t crashes_ = 0;
  std::int64_t were_there_ = 0;
};

} // namespace

void sync_faults(report& r) {
  sync_faults_row{r}.run();
}

} // namespace waybill::torture
