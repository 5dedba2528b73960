// Row 7: a real file system runs full, or a file reaches the limit on its size,
// while clients write and read; then there is space again, or a purge makes
// some. Nothing acknowledged is lost, reads go on throughout, writes go on
// within a second, and nothing is restarted.

#include <algorithm>
#include <atomic>
#include <thread>

#include "support/actors.hpp"
#include "support/plain_sqlite.hpp"
#include "support/program.hpp"
#include "support/requests.hpp"
#include "support/small_disk.hpp"
#include "torture/ledger.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t window = 32;

class disk_full_row {
public:
  disk_full_row(report& r, bool may_mount) : r_{r}, disk_{may_mount} {
    options x;
    x.file = disk_.file();
    x.checkpoint_pages = 100;
    x.on_notice = [this](severity, const std::string& text) {
      if (text.find("degraded") != std::string::npos)
        ++degradations_;
    };
    service_.emplace(start(system_, x));
    client_.emplace(system_, service_->tracker());
  }

  void run() {
    const auto cycles = r_.pick(30, 200);
    for (int i = 0; i < cycles; ++i) {
      const auto by_limit = !disk_.is_mounted() || i % 3 == 2;
      if (i % 5 == 4)
        run_purge(by_limit);
      else
        run_cycle(by_limit, i % 2 == 0);
      r_.tried(1, cycles);
    }
    r_.require(ask(system_, service_->tracker(), get_health{}).restarts == 0,
               "the tracker was restarted");
    r_.require(service_->stop(), "did not stop in time");
    r_.require(integrity_of(disk_.file()) == "ok", "the file is damaged");
    options x;
    x.file = disk_.file();
    x.on_notice = [](severity, const std::string&) {};
    auto reopened = start(system_, x);
    client_.emplace(system_, reopened.tracker());
    check_all();
    r_.figure(std::to_string(acknowledged_) + " acknowledged");
    r_.figure(std::to_string(refused_) + " refused");
    r_.figure(std::to_string(reads_while_full_) + " reads while full");
    r_.figure("slowest of them "
              + std::to_string(slowest_read_ / milliseconds{1}) + " ms");
    r_.figure(std::to_string(purged_) + " purged from full disks");
    r_.figure("writes again after at most "
              + std::to_string(slowest_return_ / milliseconds{1}) + " ms");
  }

private:
  void run_cycle(bool by_limit, bool idle) {
    for (int i = 0; i < 4; ++i)
      r_.require(write_some() == 0, "refused although there is space");
    if (by_limit)
      limit_files(std::filesystem::file_size(disk_.file() + "-wal"));
    else
      disk_.fill();
    // The log may have room within itself.
    auto is_full = false;
    for (int i = 0; i < 500 && !is_full; ++i)
      is_full = write_some() > 0 && recorded_ == 0;
    r_.require(is_full, "the disk is full, but writes go on");
    for (int i = 0; i < 10; ++i)
      write_and_read();
    // Each time it shows in health, and is told when it comes first. (It may be
    // ok by now: a small write of the tracker's own finds room where a batch
    // does not.)
    r_.require(degradations_ > 0, "nobody was told that the disk is full");
    const auto health = ask(system_, service_->tracker(), get_health{});
    r_.require(health.last_error
                 && (health.state == health_state::ok) == health.reason.empty(),
               "health does not say why it is " + to_string(health.state));

    const auto begin = clock::now();
    if (by_limit)
      limit_files(RLIM_INFINITY);
    else
      disk_.free();
    const auto is_back = [&] {
      // Idle: nobody writes, it must find out by itself.
      return idle ? ask(system_, service_->tracker(), get_health{}).state
                      == health_state::ok
                  : write_some() == 0;
    };
    while (!is_back() && clock::now() - begin < std::chrono::seconds{10})
      std::this_thread::sleep_for(milliseconds{1});
    const auto returned = clock::now() - begin;
    slowest_return_ = std::max(slowest_return_, returned);
    r_.require(returned <= std::chrono::seconds{1},
               std::string{idle ? "health is" : "writes are"}
                 + " back only after "
                 + std::to_string(returned / milliseconds{1}) + " ms");
    r_.require(write_some() == 0, "refused although there is space again");
    // A log that could not be copied meanwhile is tried again soon.
    r_.require(eventually(
                 [&] {
                   return ask(system_, service_->tracker(), get_health{}).state
                          == health_state::ok;
                 },
                 milliseconds{1'000}),
               "writes go on, but health is not ok");
  }

  // The disk stays as full as others have left it.
  void run_purge(bool by_limit) {
    if (by_limit)
      limit_files(std::max(size_of(""), size_of("-wal")) + 200'000);
    else
      disk_.fill(1'000'000);
    for (int full = 0, tries = 0; full < 3 && tries < 5'000; ++tries) {
      finish_some();
      full = recorded_ == 0 ? full + 1 : 0;
    }
    if (!by_limit)
      disk_.fill();
    const auto begin = clock::now();
    client_->send(purge_before(timestamp::now() + std::chrono::hours{1}));
    const auto reply = client_->receive();
    note(book_.told_purge(reply));
    if (const auto* const e = std::get_if<failure>(&reply))
      r_.violation("a purge of a full disk is refused: " + e->text);
    else
      purged_ += std::get<purge_reply>(reply).deleted;
    const auto is_back = [&] {
      return write_some() == 0 && (by_limit || disk_.free_bytes() > 100'000);
    };
    while (!is_back() && clock::now() - begin < std::chrono::seconds{10})
      std::this_thread::sleep_for(milliseconds{1});
    const auto returned = clock::now() - begin;
    slowest_return_ = std::max(slowest_return_, returned);
    r_.require(returned <= std::chrono::seconds{1},
               "a purge has made no space, or after "
                 + std::to_string(returned / milliseconds{1}) + " ms");
    if (by_limit)
      limit_files(RLIM_INFINITY);
    else
      disk_.free();
  }

  [[nodiscard]] rlim_t size_of(const char* suffix) const {
    return std::filesystem::file_size(disk_.file() + suffix);
  }

  // Sends a window of operations that end at once.
  void finish_some() {
    const auto first = next_;
    for (std::size_t i = 0; i < window; ++i) {
      client_->send(enqueue(next_));
      client_->send(terminal(next_++));
    }
    recorded_ = 0;
    for (auto n = first; n < next_; ++n) {
      recorded_ += told(n, stage::submitted) ? 1 : 0;
      told(n, stage::finished);
    }
  }

  // Sends a window of writes.
  // @returns how many of them were refused.
  std::size_t write_some() {
    struct sent {
      std::uint64_t n;
      stage to;
    };
    std::vector<sent> all;
    for (std::size_t i = 0; i < window; ++i)
      if (i % 4 == 3 && next_ > window) {
        const auto n = next_ - window;
        all.push_back({n, stage::finished});
        client_->send(terminal(n));
      } else {
        all.push_back({next_, stage::submitted});
        client_->send(enqueue(next_++));
      }
    std::size_t refused = 0;
    recorded_ = 0;
    for (const auto& x : all) {
      const auto is_done = told(x.n, x.to);
      refused += is_done ? 0 : 1;
      recorded_ += is_done && x.to == stage::submitted ? 1 : 0;
    }
    return refused;
  }

  // Writes and reads that share batches, while the disk is full.
  void write_and_read() {
    const auto begin = clock::now();
    std::vector<std::uint64_t> asked;
    std::vector<std::uint64_t> written;
    for (std::size_t i = 0; i < window; ++i) {
      written.push_back(next_);
      client_->send(enqueue(next_++));
      asked.push_back(1 + random_() % (next_ - 1));
      client_->send(status_of(asked.back()));
    }
    client_->send(get_counts{});
    for (std::size_t i = 0; i < window; ++i) {
      told(written[i], stage::submitted);
      read(asked[i]);
    }
    std::int64_t counted = 0;
    const auto counts = client_->receive();
    if (const auto* const x = std::get_if<counts_reply>(&counts)) {
      for (const auto& each : x->counts)
        counted += each.operations;
      const auto [least, most] = book_.bounds();
      r_.require(counted >= least && counted <= most,
                 "counted " + std::to_string(counted) + " operations of "
                   + std::to_string(least));
    } else {
      r_.violation("the counts are refused while the disk is full");
    }
    reads_while_full_ += window + 1;
    const auto spent = clock::now() - begin;
    slowest_read_ = std::max(slowest_read_, spent);
    r_.require(spent < std::chrono::seconds{2}, "reads take too long");
  }

  bool told(std::uint64_t n, stage to) {
    const auto reply = client_->receive();
    note(book_.told(n, to, reply));
    const auto* const e = std::get_if<failure>(&reply);
    (e == nullptr ? acknowledged_ : refused_) += 1;
    if (e != nullptr && e->code != errc::store_full)
      r_.violation("not told that the disk is full, but " + to_string(e->code)
                   + ": " + e->text);
    return e == nullptr;
  }

  void read(std::uint64_t n) {
    const auto reply = client_->receive();
    if (const auto* const x = std::get_if<status_reply>(&reply))
      note(book_.shown(n, x->snapshot));
    else
      r_.violation("a question is refused: " + std::get<failure>(reply).text);
  }

  void check_all() {
    for (const auto n : book_.operations()) {
      client_->send(status_of(n));
      read(n);
    }
  }

  void note(const std::string& fault) {
    if (!fault.empty())
      r_.violation(fault);
  }

  report& r_;
  std::atomic<int> degradations_{0};
  small_disk disk_;
  actor_config config_;
  caf::actor_system system_{config_};
  std::optional<service> service_;
  std::optional<pipeline> client_;
  ledger book_;
  std::mt19937_64 random_ = r_.random();
  std::uint64_t next_ = 1;
  std::int64_t acknowledged_ = 0;
  std::int64_t refused_ = 0;
  int recorded_ = 0; // new operations, of the last window
  std::int64_t purged_ = 0;
  std::int64_t reads_while_full_ = 0;
  clock::duration slowest_read_{};
  clock::duration slowest_return_{};
};

} // namespace

void disk_full(report& r) {
  const auto why = small_disk::allow();
  if (!why.empty())
    r.figure("only by a limit on the size of files, for no small file system "
             "can be mounted here ("
             + why + ")");
  disk_full_row{r, why.empty()}.run();
}

} // namespace waybill::torture
