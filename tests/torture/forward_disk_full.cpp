// Row 22: a file system runs full, or a file reaches the limit on its size,
// while calls are taken, delivered, retried and parked; then there is space
// again. Whatever was answered `accepted` is delivered or parked, and nothing
// is delivered twice: a full disk ends no process, so it interrupts nothing.

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "support/actors.hpp"
#include "support/plain_sqlite.hpp"
#include "support/requests.hpp"
#include "support/small_disk.hpp"
#include "torture/parking_target.hpp"
#include "torture/rows.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::milliseconds;

constexpr std::uint32_t calls_a_cycle = 64;
constexpr std::uint32_t max_full_calls = 200 * calls_a_cycle;

class forward_disk_full_row {
public:
  forward_disk_full_row(report& r, bool may_mount) : r_{r}, disk_{may_mount} {
    waybill::options x;
    x.file = disk_.file();
    x.checkpoint_pages = 100;
    x.on_notice = [this](severity, const std::string& text) {
      if (text.find("degraded") != std::string::npos)
        ++degradations_;
    };
    service_.emplace(start(system_, x));
    actor_ = service_->spawn_store_and_forward(target_.options(),
                                               [this](const delivery& call) {
                                                 return target_.deliver(call);
                                               });
  }

  void run() {
    const auto cycles = r_.pick<std::uint32_t>(6, 120);
    for (std::uint32_t i = 0; i < cycles; ++i) {
      run_cycle(!disk_.is_mounted() || i % 3 == 2);
      r_.tried(1, cycles);
    }
    r_.require(all_are_through(), "calls are under way for ever");
    r_.require(degradations_ > 0, "nobody was told that the disk is full");
    r_.require(ask(system_, service_->tracker(), get_health{}).restarts == 0,
               "the tracker was restarted");
    r_.require(service_->stop(), "did not stop in time");
    r_.require(integrity_of(disk_.file()) == "ok", "the file is damaged");
    r_.figure(std::to_string(accepted_) + " accepted, "
              + std::to_string(refused_) + " refused");
    r_.figure(std::to_string(parked_) + " parked");
  }

private:
  // Calls that are sent before the disk is full, and while it is.
  void run_cycle(bool by_limit) {
    auto first = send_some();
    if (by_limit)
      limit_files(std::filesystem::file_size(disk_.file() + "-wal"));
    else
      disk_.fill();
    auto second = send_some();
    std::this_thread::sleep_for(milliseconds{200});
    if (by_limit)
      limit_files(RLIM_INFINITY);
    else
      disk_.free();
    settle(first.get());
    settle(second.get());
    r_.require(all_are_through(), "calls are under way after there is space");
    const auto end = next_;
    for (auto n = end - 2 * calls_a_cycle; n < end; ++n)
      check(n);
    make_room();
  }

  struct sent {
    std::uint32_t first;
    std::vector<outcome_of<forward_reply>> outcomes;
  };

  std::future<sent> send_some() {
    const auto first = next_;
    next_ += calls_a_cycle;
    std::vector<forward_call> all(calls_a_cycle);
    for (std::uint32_t i = 0; i < calls_a_cycle; ++i) {
      all[i].id = id_of(first + i + 1);
      all[i].kind = "kind";
      all[i].payload = std::string(1'024, 'x');
    }
    return std::async(std::launch::async, [this, first, all] {
      return sent{first, send_all(system_, actor_, all)};
    });
  }

  // An answer there must be, of one sort or the other.
  void settle(const sent& x) {
    for (std::uint32_t i = 0; i < calls_a_cycle; ++i) {
      const auto& outcome = x.outcomes[i];
      accepted_ += outcome.reply ? 1 : 0;
      taken_.at(x.first + i) = outcome.reply.has_value();
      if (!outcome.reply)
        ++refused_;
      r_.require(outcome.reply || outcome.error,
                 "call " + std::to_string(x.first + i) + " has no answer");
    }
  }

  bool all_are_through() {
    return eventually(
      [this] { return ask(system_, actor_, get_backlog{}).calls == 0; });
  }

  void check(std::uint32_t n) {
    const auto row
      = ask(system_, service_->tracker(), status_of(n + 1)).snapshot;
    if (target_.check(r_, n, row, taken_.at(n)))
      parked_ += target_.is_parked(n) ? 1 : 0;
  }

  // So that the disk is as empty as before: with payloads, and without.
  void make_room() {
    for (const auto with_payload : {false, true}) {
      auto x = purge_before(timestamp::now() + std::chrono::hours{1});
      x.with_payload = with_payload;
      ask(system_, service_->tracker(), x, std::chrono::seconds{30});
    }
  }

  report& r_;
  std::atomic<int> degradations_{0};
  small_disk disk_;
  parking_target<max_full_calls> target_;
  std::array<bool, max_full_calls> taken_{};
  actor_config config_;
  caf::actor_system system_{config_};
  std::optional<service> service_;
  store_and_forward_actor actor_;
  std::uint32_t next_ = 0;
  std::int64_t accepted_ = 0;
  std::int64_t refused_ = 0;
  std::int64_t parked_ = 0;
};

} // namespace

void forward_disk_full(report& r) {
  const auto why = small_disk::allow();
  if (!why.empty())
    r.figure("only by a limit on the size of files, for no small file system "
             "can be mounted here ("
             + why + ")");
  // It holds much more than a stack does.
  std::make_unique<forward_disk_full_row>(r, why.empty())->run();
}

} // namespace waybill::torture
