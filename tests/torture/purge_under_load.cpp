// Row 12: a purge of very many rows while clients write.

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "support/actors.hpp"
#include "support/disk_lots.hpp"
#include "support/fault_vfs.hpp"
#include "support/plain_sqlite.hpp"
#include "torture/rows.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/sealed_vfs.hpp"

namespace waybill::torture {

namespace {

using namespace waybill::test;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uintmax_t most_log = 16'777'216; // 16 MiB
constexpr auto most_delay = milliseconds{50};
// What the disk is given to sync or to free at once, in pages.
constexpr std::int64_t most_pages = 2'500;
// One in so many rows is not due: in flight, or finished too late.
constexpr std::uint64_t rows_between = 50;

bool is_due(std::uint64_t n) {
  return n % rows_between != 0;
}

// Half of those that are not due are old and in flight, half have just ended.
void fill(const std::string& file, std::uint64_t rows) {
  operation_tracking_store store{
    {.file = file, .synchronous = durability::off, .vfs = {}}};
  constexpr std::uint64_t in_one_go = 20'000;
  for (std::uint64_t n = 1; n <= rows;) {
    store.begin();
    for (const auto end = std::min(rows, n + in_one_go - 1); n <= end; ++n) {
      store.record_enqueue(enqueue(n), at(0));
      if (is_due(n))
        store.record_terminal(terminal(n, terminal_statuses[n % 4]), at(1));
      else if (n % (2 * rows_between) == 0)
        store.record_terminal(terminal(n), at(100));
    }
    store.commit();
  }
}

// What the tracker asks of the disk. How long a disk takes for it is its own
// affair, and varies; how much is asked for at once is the tracker's.
class disk_watch {
public:
  disk_watch() {
    vfs_.before = [this](const io_call& x) {
      const std::lock_guard guard{mutex_};
      if (is_slow(x))
        began_ = steady::now();
      return SQLITE_OK;
    };
    vfs_.after = [this](const io_call& x) {
      const std::lock_guard guard{mutex_};
      if (is_slow(x))
        spent_ += steady::now() - *std::exchange(began_, std::nullopt);
      lots_.see(x);
    };
  }

  [[nodiscard]] std::string vfs() const { return vfs_.name(); }

  /// How long it has been waited for.
  [[nodiscard]] steady::duration spent() const {
    const std::lock_guard guard{mutex_};
    return spent_ + (began_ ? steady::now() - *began_ : steady::duration{});
  }

  /// The most that it had to sync or to free at once since the last call.
  std::int64_t most_pages() {
    const std::lock_guard guard{mutex_};
    return std::max(lots_.take_most_synced(), lots_.take_most_freed());
  }

private:
  static bool is_slow(const io_call& x) {
    return x.op == io_op::sync || x.op == io_op::truncate;
  }

  fault_vfs vfs_;
  mutable std::mutex mutex_;
  std::optional<steady::time_point> began_;
  steady::duration spent_{};
  disk_lots lots_;
};

// Clients that write and look at what they have written, without a pause, and
// the longest of their answers, without what the disk took meanwhile.
class clients {
public:
  clients(report& r, caf::actor_system& system, const service& running,
          const disk_watch& disk, std::uint64_t first)
    : disk_{disk}, next_{first} {
    for (int c = 0; c < 4; ++c)
      threads_.emplace_back([&] {
        caf::scoped_actor self{system};
        while (!done_) {
          const auto n = next_++;
          for_reply(r, self, running, enqueue(n));
          for_reply(r, self, running, terminal(n));
          for_reply(r, self, running, status_of(n));
        }
      });
  }

  ~clients() { stop(); }

  clients(const clients&) = delete;
  clients& operator=(const clients&) = delete;

  /// The longest answer since the last call.
  milliseconds longest() {
    return std::chrono::duration_cast<milliseconds>(
      std::chrono::microseconds{longest_us_.exchange(0)});
  }

  [[nodiscard]] std::int64_t answers() const { return answers_; }

  /// Ends them.
  /// @returns the first number that they have not written.
  std::uint64_t stop() {
    done_ = true;
    threads_.clear();
    return next_;
  }

private:
  template <class Request>
  void for_reply(report& r, caf::scoped_actor& self, const service& running,
                 Request what) {
    const auto asked = steady::now();
    const auto spent = disk_.spent();
    waybill::request(self, running.tracker(), std::chrono::seconds{30}, what)
      .receive([](const typename Request::reply&) {},
               [&](const caf::error& e) {
                 r.violation("a client got " + to_failure(e).text);
               });
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(
                      steady::now() - asked - (disk_.spent() - spent))
                      .count();
    auto seen = longest_us_.load();
    while (us > seen && !longest_us_.compare_exchange_weak(seen, us)) {
    }
    ++answers_;
  }

  const disk_watch& disk_;
  std::atomic<std::uint64_t> next_;
  std::atomic<std::int64_t> longest_us_{0};
  std::atomic<std::int64_t> answers_{0};
  std::atomic<bool> done_{false};
  std::vector<std::jthread> threads_;
};

std::uintmax_t size_of(const std::string& file) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file, ignored);
  return ignored ? 0 : size;
}

// Waits until the space of the purged rows is given back, as far as it is to
// be, and the file ends where its pages do: clients go on filling it.
bool gives_back_space(const std::string& file) {
  auto db = open_reader(file);
  return eventually(
    [&] {
      const auto unused = db.query_int("PRAGMA freelist_count");
      const auto pages = db.query_int("PRAGMA page_count");
      if (unused <= std::max<std::int64_t>(1'024, pages / 10)
          && size_of(file)
               <= sqlite::page_bytes * static_cast<std::uintmax_t>(pages))
        return true;
      std::this_thread::sleep_for(milliseconds{20});
      return false;
    },
    std::chrono::minutes{2});
}

} // namespace

void purge_under_load(report& r) {
  const auto rows = r.pick<std::uint64_t>(210'500, 5'000'000);
  const temp_dir dir;
  options x;
  x.file = dir / "track.db";
  x.on_notice = nullptr;
  x.retention_delivered = x.retention_parked = x.retention_failed
    = x.retention_discarded = std::nullopt; // the purge is ours
  fill(x.file, rows);
  disk_watch disk;
  x.vfs = disk.vfs();

  actor_config config;
  caf::actor_system system{config};
  auto running = start(system, x);
  milliseconds without{};
  milliseconds during{};
  std::int64_t deleted = 0;
  std::int64_t answers = 0;
  std::uintmax_t largest_log = 0;
  milliseconds took{};
  milliseconds gave_back{};
  std::int64_t most_at_once = 0;
  std::uint64_t beyond = 0;
  const auto first = 2 * rows;
  {
    clients busy{r, system, running, disk, first};
    std::this_thread::sleep_for(milliseconds{500});
    busy.longest(); // all has been touched once
    const auto rest = r.pick(milliseconds{3'000}, milliseconds{60'000});
    std::this_thread::sleep_for(rest);
    without = busy.longest();

    std::atomic<bool> purging{true};
    std::jthread meter{[&] {
      while (purging) {
        largest_log = std::max(largest_log, size_of(x.file + "-wal"));
        std::this_thread::sleep_for(milliseconds{2});
      }
    }};
    const auto since = [](steady::time_point began) {
      return std::chrono::duration_cast<milliseconds>(steady::now() - began);
    };
    const auto began = steady::now();
    answers = busy.answers();
    disk.most_pages();
    deleted = ask(system, running.tracker(), purge_before(at(50)),
                  std::chrono::minutes{20})
                .deleted;
    took = since(began);
    r.require(gives_back_space(x.file),
              "the space of the purged rows was not given back");
    gave_back = since(began) - took;
    answers = busy.answers() - answers;
    during = busy.longest();
    most_at_once = disk.most_pages();
    purging = false;
    meter.join();
    std::this_thread::sleep_for(rest);
    without = std::max(without, busy.longest());
    beyond = busy.stop();
  }
  running.stop();

  std::uint64_t due = 0;
  for (std::uint64_t n = 1; n <= rows; ++n)
    due += is_due(n) ? 1U : 0U;
  r.tried(deleted);
  r.require(static_cast<std::uint64_t>(deleted) == due,
            std::to_string(deleted) + " rows were purged, "
              + std::to_string(due) + " were due");
  {
    operation_tracking_store store{{.file = x.file, .vfs = {}}};
    for (std::uint64_t n = 1; n <= rows; ++n) {
      const auto there = store.get_status(status_of(n), t0).snapshot;
      if (there.has_value() == is_due(n))
        r.violation("row " + std::to_string(n)
                    + (there ? " was due and is there"
                             : " was not due and is "
                               "gone"));
    }
    // All that the clients have written was answered, or is a violation
    // already.
    for (auto n = first; n < beyond; ++n) {
      const auto there = store.get_status(status_of(n), t0).snapshot;
      if (!there || there->status != tracking_status::delivered)
        r.violation("row " + std::to_string(n)
                    + " was written meanwhile and is "
                    + (there ? to_string(there->status) : "gone"));
    }
  }
  const auto integrity = integrity_of(x.file);
  r.require(integrity == "ok", "integrity: " + integrity);
  r.require(during <= without + most_delay,
            "the longest answer took " + to_text(during)
              + " during the purge and " + to_text(without) + " without");
  r.require(most_at_once > 0 && most_at_once <= most_pages,
            "the disk had to take or free " + std::to_string(most_at_once)
              + " pages at once");
  r.require(largest_log <= most_log, "the write-ahead log grew to "
                                       + std::to_string(largest_log / 1'024)
                                       + " KiB");
  r.require(answers > 0, "no client was answered during the purge");
  r.figure("purged in " + to_text(took) + ", space given back in "
           + to_text(gave_back) + " more");
  r.figure(std::to_string(answers) + " answers meanwhile");
  r.figure("longest answer " + to_text(during) + ", without " + to_text(without)
           + ", not counting the disk");
  r.figure("at most " + std::to_string(most_at_once)
           + " pages for the disk at once");
  r.figure("log " + std::to_string(largest_log / 1'024) + " KiB");
}

} // namespace waybill::torture
