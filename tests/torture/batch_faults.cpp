// Row 6: at each position of a batch of 512, one request that SQLite refuses,
// and one at which SQLite rolls the whole batch back (in a quick run one of the
// two). The others are as promised: what was acknowledged is there, what was
// refused is not.

#include <algorithm>
#include <stdexcept>

#include "support/actors.hpp"
#include "support/connection_spy.hpp"
#include "support/fault_vfs.hpp"
#include "support/plain_sqlite.hpp"
#include "torture/gate.hpp"
#include "torture/ledger.hpp"
#include "torture/rows.hpp"

namespace waybill::torture {

namespace {

using namespace test;

constexpr std::uint64_t batch_size = 512;
constexpr int longest_value = 100'000;
constexpr std::uint64_t victim = 1'000'000'000; // never ends

enum class what : std::uint8_t { refusal, rollback };

class batch_faults_row {
public:
  explicit batch_faults_row(report& r) : r_{r} {}

  void run() {
    const auto rounds = r_.pick(1, 8);
    for (int i = 0; i < rounds; ++i)
      for (const auto kind : {what::rollback, what::refusal})
        run_all(kind, r_.random(static_cast<std::uint64_t>(i)));
    r_.figure(std::to_string(done_) + " done");
    r_.figure(std::to_string(refused_) + " refused");
  }

private:
  // A file for each kind: the one before stays as it was when it was checked.
  void run_all(what kind, std::mt19937_64 random) {
    const temp_dir dir;
    fault_vfs vfs;
    vfs.real_syncs = false;
    vfs.before = [this](const io_call& call) {
      if (call.file != io_file::wal || call.op != io_op::write
          || !disk_is_full_)
        return SQLITE_OK;
      return SQLITE_FULL;
    };
    gate clock;
    const connection_spy spy;
    options x;
    x.file = dir / "ops.db";
    x.vfs = vfs.name();
    x.max_batch = batch_size;
    x.cache_bytes = 65'536;
    x.last_error_cap = 1'048'576;
    x.clock = clock.clock();
    x.overlap_commits = false; // else it is two batches
    x.on_notice = [](severity, const std::string&) {};
    auto running = start(system_, x);
    sqlite3_limit(spy.get(), SQLITE_LIMIT_LENGTH, longest_value);
    pipeline client{system_, running.tracker()};
    ledger book;
    next_ = 1;
    client.send(enqueue(victim));
    note(book.told(victim, stage::submitted, client.receive()));
    // In a quick run half of the positions have one of the two each, as the
    // seed says.
    const auto first = static_cast<std::uint64_t>(kind) + r_.seed();
    for (std::uint64_t at = 0; at < batch_size; ++at) {
      if (r_.pick((first + at) % 4 == 0, true)) {
        run_batch(kind, at, clock, running.tracker(), client, book, random);
        r_.tried(1, 2 * batch_size);
      }
      if (at % 64 == 63)
        check(client, book, x.file);
    }
    r_.require(running.stop(), "did not stop in time");
    r_.require(integrity_of(x.file) == "ok", "the file is damaged");
    auto reopened = start(system_, x);
    pipeline again{system_, reopened.tracker()};
    check(again, book, x.file);
  }

  void run_batch(what kind, std::uint64_t at, gate& clock,
                 const tracking_actor& tracker, pipeline& client, ledger& book,
                 std::mt19937_64& random) {
    // A tracker that heals looks at its clock.
    health_reply before;
    const auto is_ok = [&] {
      before = ask(system_, tracker, get_health{});
      return before.state == health_state::ok;
    };
    if (!eventually(is_ok, std::chrono::seconds{10}))
      throw std::runtime_error{"it does not heal: " + before.reason};
    // It waits before the batch until all of it is in its mailbox.
    clock.close();
    client.send(status_of(victim));
    struct sent {
      std::uint64_t n;
      stage to;
    };
    std::vector<sent> batch;
    for (std::uint64_t i = 0; i < batch_size; ++i) {
      if (i == at) {
        batch.push_back({victim, stage::retrying});
        client.send(large_attempt(kind));
      } else if (next_ > 2 * batch_size && random() % 4 == 0) {
        const auto n = next_ - batch_size - random() % batch_size;
        batch.push_back({n, stage::finished});
        client.send(terminal(n));
      } else {
        batch.push_back({next_, stage::submitted});
        client.send(enqueue(next_++));
      }
    }
    // Look 0 is the question's.
    clock.open([&](std::int64_t look) {
      disk_is_full_ = kind == what::rollback
                      && look == static_cast<std::int64_t>(at) + 1;
    });
    note(book.shown(victim, std::get<status_reply>(client.receive()).snapshot));
    for (std::uint64_t i = 0; i < batch_size; ++i) {
      const auto reply = client.receive();
      note(book.told(batch[i].n, batch[i].to, reply));
      const auto* const e = std::get_if<failure>(&reply);
      (e == nullptr ? done_ : refused_) += 1;
      if (e != nullptr && certainty_of(e->code) == certainty::unknown)
        r_.violation("told unknown: " + e->text);
      const auto must_fail = i == at || (kind == what::rollback && i < at);
      if ((e != nullptr) != must_fail)
        r_.violation("position " + std::to_string(i) + ", fault at "
                     + std::to_string(at) + ": "
                     + (e != nullptr ? e->text : "not refused"));
    }
    clock.open();
    disk_is_full_ = false;
    // A rollback that takes all before it with it shows this by itself.
    const auto after = ask(system_, tracker, get_health{});
    if (kind == what::refusal
        && (after.batches != before.batches + 1
            || after.batched_requests - before.batched_requests
                 != static_cast<std::int64_t>(batch_size) - 1))
      r_.violation("fault at " + std::to_string(at) + ": not one batch, but "
                   + std::to_string(after.batches - before.batches));
  }

  // A value that SQLite refuses, or that overflows its cache: it writes to the
  // log before the COMMIT.
  static record_attempt large_attempt(what kind) {
    auto x = attempt(victim, 1);
    x.last_error = std::string(kind == what::refusal ? longest_value + 1
                                                     : longest_value - 10'000,
                               'x');
    return x;
  }

  void check(pipeline& client, ledger& book, const std::string& file) {
    const auto all = book.operations();
    for (std::size_t begin = 0; begin < all.size(); begin += 512) {
      const auto end = std::min(all.size(), begin + 512);
      for (auto i = begin; i < end; ++i)
        client.send(status_of(all[i]));
      for (auto i = begin; i < end; ++i) {
        const auto reply = client.receive();
        if (const auto* const x = std::get_if<status_reply>(&reply))
          note(book.shown(all[i], x->snapshot));
        else
          r_.violation("a question was refused");
      }
    }
    // Counted by another program, too.
    auto db = open_reader(file);
    const auto rows = db.query_int("SELECT count(*) FROM operation");
    const auto [least, most] = book.bounds();
    r_.require(rows >= least && rows <= most,
               std::to_string(rows) + " rows, but must be "
                 + std::to_string(least) + " to " + std::to_string(most));
    r_.require(rows == db.query_int("SELECT sum(operations) FROM counter"),
               "the counters count something else");
  }

  void note(const std::string& fault) {
    if (!fault.empty())
      r_.violation(fault);
  }

  report& r_;
  actor_config config_;
  caf::actor_system system_{config_};
  std::atomic<bool> disk_is_full_{false};
  std::uint64_t next_ = 1;
  std::int64_t done_ = 0;
  std::int64_t refused_ = 0;
};

} // namespace

void batch_faults(report& r) {
  batch_faults_row{r}.run();
}

} // namespace waybill::torture
