// Row 23: the tracking actor dies while calls are taken, delivered, retried and
// parked. What is answered `accepted` comes to its end, and since no process
// ends, nothing is delivered oftener than it was tried: a report whose answer
// died is made again, its attempt is not.

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "support/requests.hpp"
#include "torture/parking_target.hpp"
#include "torture/rows.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::milliseconds;

constexpr std::uint32_t num_calls = 512;
constexpr std::uint32_t calls_at_a_time = 32;
constexpr std::uint32_t num_keys = 5;
// Each is followed by a longer pause than the one before.
constexpr std::int64_t most_deaths = 5;

class forward_death_run {
public:
  forward_death_run(report& r, std::uint64_t round)
    : r_{r}, random_{r.random(round)} {
    vfs_.real_syncs = false;
    waybill::options x;
    x.file = dir_ / "track.db";
    x.vfs = vfs_.name();
    x.on_notice = nullptr;
    service_.emplace(start(system_, x));
    actor_ = service_->spawn_store_and_forward(target_.options(),
                                               [this](const delivery& call) {
                                                 return deliver(call);
                                               });
  }

  void run() {
    std::atomic<bool> is_over{false};
    std::jthread sender{[&] {
      for (std::uint32_t n = 0; n < num_calls; n += calls_at_a_time)
        send(n);
      is_over = true;
    }};
    while (!is_over && deaths_ < most_deaths) {
      std::this_thread::sleep_for(
        milliseconds{std::uniform_int_distribution{1, 40}(random_)});
      if (!die())
        return;
    }
    sender.join();
    if (!eventually(
          [&] { return ask(system_, actor_, get_backlog{}).calls == 0; }))
      return r_.violation("calls are under way for ever");
    for (std::uint32_t n = 0; n < num_calls; ++n)
      check(n);
    check_order();
    r_.require(service_->stop(), "did not stop in time");
  }

  [[nodiscard]] std::int64_t deaths() const { return deaths_; }

private:
  // Every third call has one.
  static std::optional<std::string> key_of(std::uint32_t n) {
    return n % 3 != 0 ? std::nullopt
                      : std::optional{std::to_string(n % num_keys)};
  }

  delivery_result deliver(const delivery& call) {
    if (call.order_key) {
      const std::lock_guard guard{mutex_};
      began_[*call.order_key].push_back(target_.number_of(call));
    }
    return target_.deliver(call);
  }

  void send(std::uint32_t first) {
    std::vector<forward_call> all(calls_at_a_time);
    for (std::uint32_t i = 0; i < calls_at_a_time; ++i) {
      all[i].id = id_of(first + i + 1);
      all[i].kind = "kind";
      all[i].payload = std::string(256, 'x');
      all[i].order_key = key_of(first + i);
    }
    const auto outcomes = send_all(system_, actor_, all);
    for (std::uint32_t i = 0; i < calls_at_a_time; ++i) {
      taken_.at(first + i) = outcomes[i].reply.has_value();
      r_.require(outcomes[i].reply || outcomes[i].error,
                 "call " + std::to_string(first + i) + " has no answer");
    }
  }

  // @returns whether another one has come.
  bool die() {
    caf::anon_send_exit(tracker_behind(system_, service_->tracker()),
                        random_() % 2 == 0 ? caf::exit_reason::kill
                                           : caf::exit_reason::user_shutdown);
    ++deaths_;
    r_.tried();
    const auto is_back = eventually([&] {
      try {
        const auto x = ask(system_, service_->tracker(), get_health{});
        return x.restarts >= deaths_ && x.state == health_state::ok;
      } catch (const request_error&) {
        return false;
      }
    });
    r_.require(is_back, "the tracker did not come back");
    return is_back;
  }

  void check(std::uint32_t n) {
    const auto row
      = ask(system_, service_->tracker(), status_of(n + 1)).snapshot;
    target_.check(r_, n, row, taken_.at(n));
  }

  // Of each key one after the other, in the order of taking: a request that is
  // made again may be behind others then.
  void check_order() {
    const auto place = places();
    const auto place_of = [&](std::uint32_t n) { return place.at(n); };
    for (const auto& [key, calls] : began_)
      r_.require(std::ranges::is_sorted(calls, {}, place_of),
                 "calls with the key " + key + " were out of order");
  }

  std::map<std::uint32_t, std::size_t> places() {
    std::map<std::uint32_t, std::size_t> place;
    list_operations page;
    page.order = list_order::oldest_first;
    page.page_size = limits::max_page_size;
    do {
      const auto x = ask(system_, service_->tracker(), page);
      for (const auto& each : x.operations)
        place.emplace(static_cast<std::uint32_t>(each.id.low()
                                                 - id_of(1).low()),
                      place.size());
      page.cursor = x.next_cursor;
    } while (page.cursor);
    return place;
  }

  report& r_;
  std::mt19937_64 random_;
  temp_dir dir_;
  fault_vfs vfs_;
  parking_target<num_calls> target_;
  std::array<std::atomic<bool>, num_calls> taken_{};
  std::mutex mutex_;
  std::map<std::string, std::vector<std::uint32_t>> began_;
  std::int64_t deaths_ = 0;
  actor_config config_;
  caf::actor_system system_{config_};
  std::optional<service> service_;
  store_and_forward_actor actor_;
};

} // namespace

void forward_actor_death(report& r) {
  std::int64_t deaths = 0;
  const auto rounds = r.pick(6, 200);
  for (int round = 0; round < rounds; ++round) {
    const auto one = std::make_unique<forward_death_run>(
      r, static_cast<std::uint64_t>(round));
    one->run();
    deaths += one->deaths();
  }
  r.figure(std::to_string(deaths) + " deaths beside "
           + std::to_string(rounds * std::int64_t{num_calls}) + " calls");
}

} // namespace waybill::torture
