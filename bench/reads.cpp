// How fast questions are answered.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"
#include "waybill/ask.hpp"
#include "waybill/store_reader.hpp"

namespace waybill::bench {

namespace {

double raw_reads(const std::string& file,
                 const std::vector<tracked_operation_id>& ids,
                 std::int64_t questions) {
  raw_store store{file};
  std::minstd_rand random{1};
  std::int64_t found = 0;
  const auto took = seconds([&] {
    for (std::int64_t n = 0; n < questions; ++n)
      found += store.status(ids[random() % ids.size()]) ? 1 : 0;
  });
  if (found != questions)
    throw std::runtime_error{"raw reads found too little"};
  return static_cast<double>(questions) / took;
}

void report_reads(bench& b, const std::string& name, const side_by_side& x,
                  double limit) {
  b.out.figure(name + ".actor", x.a, "questions/s");
  b.out.figure(name + ".raw", x.b, "questions/s");
  b.out.ratio(name, x.ratio, goal::at_least, limit);
}

} // namespace

void status_vs_raw(bench& b) {
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto questions = b.out.pick(192'000, 512'000);
  const auto file = b.files.with_rows(rows, id_kind::v7);
  const auto& ids = b.files.some_ids(rows, id_kind::v7);
  const auto x = interleave(
    b.repeats,
    [&] {
      running_tracker tracker{file};
      return tracker
        .run({.what = mix::status, .operations = questions, .ids = &ids})
        .rate();
    },
    [&] { return raw_reads(file, ids, questions); });
  report_reads(b, "status_vs_raw", x, 0.7);
}

void status_recent_vs_raw(bench& b) {
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto questions = b.out.pick(192'000, 512'000);
  const auto file = b.files.with_rows(rows, id_kind::v7);
  const auto x = interleave(
    b.repeats,
    [&] {
      running_tracker tracker{file};
      // In flight or just finished: half and half.
      std::vector<tracked_operation_id> recent;
      id_source ids{id_kind::v7, 1};
      for (std::uint64_t n = 0; n < 1'000; ++n) {
        recent.push_back(ids());
        ask(tracker.system, tracker.tracker(), enqueue_of(recent.back(), n));
        if (n % 2 == 0)
          ask(tracker.system, tracker.tracker(), terminal_of(recent.back()));
      }
      return tracker
        .run({.what = mix::status, .operations = questions, .ids = &recent})
        .rate();
    },
    [&] {
      return raw_reads(file, b.files.some_ids(rows, id_kind::v7), questions);
    });
  report_reads(b, "status_recent_vs_raw", x, 1.5);
}

void status_under_write(bench& b) {
  const auto questions = b.out.pick(1'000, 5'000);
  std::vector<double> ratios;
  std::vector<double> answers;
  std::vector<double> commits;
  for (int i = 0; i < b.repeats; ++i) {
    std::vector<double> took;
    double mean_batch = 0;
    {
      running_tracker tracker{b.files.fresh()};
      std::atomic<bool> stop{false};
      std::vector<tracked_operation_id> ids{tracked_operation_id::generate()};
      ask(tracker.system, tracker.tracker(), enqueue_of(ids[0], 1));
      load_result writes;
      std::jthread writers{[&] {
        writes = tracker.run({.what = mix::lifecycle,
                              .clients = 16,
                              .window = 16,
                              .operations = std::int64_t{1} << 40U,
                              .stop = &stop});
      }};
      took = tracker
               .run({.what = mix::status,
                     .clients = 1,
                     .window = 1,
                     .operations = questions,
                     .ids = &ids,
                     .latencies = true})
               .latencies[3];
      stop = true;
      writers.join();
      mean_batch = writes.mean_batch;
    }
    // One commit of as many writes, from BEGIN to the end of COMMIT.
    raw_store store{b.files.fresh()};
    id_source ids{id_kind::v7, 1};
    std::vector<double> commit;
    for (int n = 0; n < questions; ++n) {
      std::vector<tracked_operation_id> batch;
      for (double k = 0; k < mean_batch; ++k)
        batch.push_back(ids());
      commit.push_back(1e6 * seconds([&] {
                         store.begin();
                         for (const auto& id : batch)
                           store.enqueue(id, id.low(), timestamp::now().us());
                         store.commit();
                       }));
    }
    answers.push_back(percentile(took, 0.99));
    commits.push_back(percentile(commit, 0.99));
    ratios.push_back(answers.back() / commits.back());
    report::progress("  p99 " + std::to_string(answers.back()) + " / "
                     + std::to_string(commits.back()) + " µs, batch "
                     + std::to_string(mean_batch));
  }
  b.out.figure("status_under_write.p99", median(answers), "µs");
  b.out.figure("status_under_write.commit_p99", median(commits), "µs");
  b.out.ratio("status_under_write", median(ratios), goal::at_most, 2);
}

namespace {

// A list that an operator may ask for, and all of its pages.
struct listing {
  const char* name;
  operation_filter filter;
  list_order order = list_order::newest_first;
};

std::vector<listing> listings() {
  std::vector<listing> all{
    {"newest", {}},          {"oldest", {}, list_order::oldest_first},
    {"in_flight", {}},       {"parked", {}},
    {"delivered", {}},       {"kind", {}},
    {"target_and_node", {}}, {"error_text", {}}};
  all[2].filter.statuses = {tracking_status::submitted,
                            tracking_status::retrying};
  all[3].filter.statuses = {tracking_status::parked};
  all[4].filter.statuses = {tracking_status::delivered};
  all[5].filter.kinds = {kind_text(1)};
  all[6].filter.target_summary = target_text(3);
  all[6].filter.source_node = node_text(1);
  all[7].filter.error_contains = "no such error";
  return all;
}

// Milliseconds of each page, at most `most` pages.
std::vector<double> page_times(store_reader& reader, const listing& x,
                               std::size_t most) {
  list_operations request;
  request.filter = x.filter;
  request.order = x.order;
  std::vector<double> times;
  do {
    list_reply page;
    times.push_back(1e3 * seconds([&] { page = reader.list(request); }));
    request.cursor = page.next_cursor;
  } while (request.cursor && times.size() < most);
  return times;
}

} // namespace

void list_page(bench& b) {
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto file = b.files.copy_of(rows, id_kind::v7);
  {
    store_options x;
    x.file = file.name();
    operation_tracking_store store{x};
    id_source ids{id_kind::v7, 5};
    for (std::uint64_t n = 0; n < 1'000; ++n) {
      const auto id = ids();
      store.record_enqueue(enqueue_of(id, n), timestamp::now());
      auto end = terminal_of(id);
      end.status = tracking_status::parked;
      if (n % 2 == 0)
        store.record_terminal(end, timestamp::now());
    }
  }
  double slowest = 0;
  store_reader reader{file.name()};
  for (const auto& each : listings()) {
    const auto times = page_times(reader, each, b.out.pick(50U, 200U));
    const auto name = std::string{"list_page."} + each.name;
    b.out.figure(name + ".p50", median(times), "ms");
    b.out.figure(name + ".max", percentile(times, 1), "ms");
    b.out.figure(name + ".pages", static_cast<double>(times.size()), "pages");
    slowest = std::max(slowest, percentile(times, 1));
  }
  b.out.ratio("list_page", slowest, goal::at_most, 50);
  std::vector<double> counts;
  for (int i = 0; i < 100; ++i)
    counts.push_back(1e3 * seconds([&] { reader.get_counts(); }));
  b.out.ratio("counts", percentile(counts, 1), goal::at_most, 5);
}

} // namespace waybill::bench
