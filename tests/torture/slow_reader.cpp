// Row 13: someone reads the file, and takes a long time over it.

#include <filesystem>
#include <iostream>
#include <thread>

#include "support/actors.hpp"
#include "support/plain_sqlite.hpp"
#include "support/program.hpp"
#include "torture/rows.hpp"
#include "waybill/sealed_vfs.hpp"

namespace waybill::torture {

namespace {

using namespace waybill::test;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::int64_t checkpoint_pages = 500;
constexpr std::uintmax_t page_bytes = sqlite::page_bytes;

std::uintmax_t log_size(const std::string& file) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file + "-wal", ignored);
  return ignored ? 0 : size;
}

constexpr std::uintmax_t large_log = 256 * 1'024 * 1'024;

std::string in_kib(std::uintmax_t bytes) {
  return std::to_string(bytes / 1'024) + " KiB";
}

// Writes what makes the log grow, while `go_on()`.
template <class F>
std::int64_t write_while(report& r, caf::actor_system& system,
                         const tracking_actor& tracker, std::uint64_t& next,
                         F&& go_on) {
  std::int64_t written = 0;
  while (go_on()) {
    std::vector<record_enqueue> requests;
    for (int n = 0; n < 64; ++n)
      requests.push_back(enqueue(next++));
    for (const auto& x : send_all(system, tracker, requests))
      r.require(x.reply.has_value(), "a write was not stored under a reader");
    written += 64;
  }
  return written;
}

auto until(steady::time_point end) {
  return [end] { return steady::now() < end; };
}

// One reader, of which the writers do or do not take notice afterwards.
void one_reader(report& r, milliseconds hold, bool idle_afterwards) {
  const temp_dir dir;
  actor_config config;
  caf::actor_system system{config};
  notices heard;
  options x;
  x.file = dir / "track.db";
  x.checkpoint_pages = checkpoint_pages;
  x.on_notice = heard.function();
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  const auto health = [&] { return ask(system, tracker, get_health{}); };
  std::uint64_t next = 1;
  ask(system, tracker, enqueue(next++));
  write_while(r, system, tracker, next,
              until(steady::now() + milliseconds{500}));
  const auto normal = health();
  r.require(normal.state == health_state::ok, "health is not ok before");
  const auto normal_size = log_size(x.file);

  // In a process of its own, as an operator's tool would be.
  program reader{own_path(), {.arguments = {"--child", "slow-reader", x.file}}};
  while (reader.is_running() && reader.out().empty())
    std::this_thread::sleep_for(milliseconds{2});
  const auto seen = std::stoull(reader.out());
  r.require(seen > 0, "the reader sees nothing");
  constexpr auto grown = 4 * checkpoint_pages * page_bytes;
  const auto begin = steady::now();
  const auto written = write_while(r, system, tracker, next, [&] {
    // No disk copies gigabytes within the second that is allowed afterwards.
    if (log_size(x.file) > large_log)
      std::this_thread::sleep_for(milliseconds{20});
    const auto spent = steady::now() - begin;
    // A slow disk takes its time.
    return spent < hold
           || (log_size(x.file) <= grown && spent < std::chrono::minutes{2});
  });
  const auto held = health();
  const auto held_size = log_size(x.file);
  r.require(held_size > grown, "the log did not grow: " + in_kib(held_size));
  r.require(static_cast<std::uintmax_t>(held.wal_bytes) > held_size / 2
              && held.wal_bytes > normal.wal_bytes,
            "health says that the log has " + std::to_string(held.wal_bytes)
              + " bytes");
  r.require(held.state == health_state::degraded
              && held.reason.find("a reader") != std::string::npos,
            "health does not name the reader: " + to_string(held));

  reader.signal(SIGTERM);
  reader.wait();
  const auto left = steady::now();
  std::jthread writers{[&] {
    if (!idle_afterwards)
      write_while(r, system, tracker, next, until(left + milliseconds{1'500}));
  }};
  const auto cut = eventually(
    [&] { return log_size(x.file) <= 2 * checkpoint_pages * page_bytes; },
    milliseconds{10'000});
  const auto took
    = std::chrono::duration_cast<milliseconds>(steady::now() - left);
  r.require(cut && took <= milliseconds{1'000},
            "the log was cut " + to_text(took) + " after the reader had left");
  writers.join();
  r.require(eventually([&] { return health().state == health_state::ok; },
                       milliseconds{2'000}),
            "health is not ok after the reader has left");
  r.require(heard.contain("a reader"), "no notice names the reader");
  running.stop();
  std::uint64_t rows = 0;
  {
    auto db = open_reader(x.file);
    rows = static_cast<std::uint64_t>(
      db.query_int("SELECT count(*) FROM operation"));
  }
  r.require(rows == next - 1, "rows are missing");
  r.require(integrity_of(x.file) == "ok", "the file is damaged");
  r.tried(written);
  r.figure(std::string{idle_afterwards ? "idle" : "busy"} + " afterwards: log "
           + in_kib(normal_size) + " grew to " + in_kib(held_size)
           + ", cut after " + to_text(took));
}

} // namespace

void slow_reader(report& r) {
  one_reader(r, r.pick(milliseconds{5'000}, milliseconds{60'000}), true);
  one_reader(r, r.pick(milliseconds{2'500}, milliseconds{60'000}), false);
}

// Holds a snapshot until it is told to end: `FILE`.
int slow_reader_child(const std::vector<std::string>& arguments) {
  auto db = open_reader(arguments.at(0));
  db.exec("BEGIN");
  const auto rows = db.query_int("SELECT count(*) FROM operation");
  std::cout << rows << std::endl;
  for (;;)
    ::pause();
}

} // namespace waybill::torture
