// waybill_bench: measures waybill against plain SQLite, side by side.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "lines.hpp"

namespace {

using namespace waybill::bench;

const std::vector<line> lines{
  {"enqueue_vs_raw", "enqueues, 64 clients x window 16 / raw loop",
   enqueue_vs_raw},
  {"lifecycle_vs_raw", "enqueue, attempt, terminal of each / raw loop",
   lifecycle_vs_raw},
  {"forward_vs_raw", "calls taken and delivered, 64 senders / raw loop",
   forward_vs_raw},
  {"forward_vs_plainjob", "the same / a job queue, a transaction a step",
   forward_vs_plainjob},
  {"payload_64k", "MB/s of 64 KiB payloads taken / raw blob inserts",
   payload_64k},
  {"history_cost", "lifecycles with histories / without", history_cost},
  {"enqueue_vs_per_call", "enqueues, 64 clients / a transaction a call",
   enqueue_vs_per_call},
  {"single_vs_per_call", "one client, one request at a time / the same",
   single_vs_per_call},
  {"status_vs_raw", "questions at 1,000,000 rows / raw select", status_vs_raw},
  {"status_recent_vs_raw", "questions about recent operations / raw select",
   status_recent_vs_raw},
  {"status_under_write", "p99 of questions while others write / of a commit",
   status_under_write},
  {"list_page", "ms of the slowest page of lists at 1,000,000 rows", list_page},
  {"v4_vs_v7", "enqueues with random ids / with time-ordered ones", v4_vs_v7},
  {"growth_v7", "us a lifecycle at 10,000,000 rows / at 10,000", growth_v7},
  {"growth_v4", "the same with random ids", growth_v4},
  {"bytes_vs_text", "bytes a row / the obvious schema", bytes_vs_text},
  {"purge_rate_vs_raw", "rows purged a second / raw chunked DELETE",
   purge_rate_vs_raw},
  {"purge_with_tombstones", "the same, each row leaving a tombstone / the same",
   purge_with_tombstones},
  {"purge_pause", "p99.9 of writes during a purge / without", purge_pause},
  {"purge_keeps_up", "rows purged / rows finished at full load",
   purge_keeps_up},
  {"tombstone_enqueue",
   "calls taken with 10,000,000 tombstones / without, processor time",
   tombstone_enqueue},
  {"requeue_rate", "parked calls requeued a second, unthrottled", requeue_rate},
  {"targets_time", "ms of the slowest question for targets, 1,000,000 calls",
   targets_time},
  {"act_latency", "ms of the slowest act's p99 beside full load", act_latency},
  {"enqueue_with_socket", "enqueues with an idle operators' socket / without",
   enqueue_with_socket},
  {"open_time", "opening at 10,000,000 rows / at none", open_time},
  {"idle_cost", "processor and wake-ups of an idle tracker", idle_cost},
  {"backlog_memory", "resident memory with 1,000,000 calls waiting / 10,000",
   backlog_memory},
  {"backlog_start", "seconds to the first delivery with 1,000,000 waiting",
   backlog_start},
  {"backlog_drain", "deliveries a second with 1,000,000 waiting / 1,000",
   backlog_drain},
  {"memory", "resident memory at 10,000,000 rows / at none", memory},
  {"throughput", "figures by clients and window", throughput},
  {"latency", "figures by verb", latency},
  {"synchronous", "figures at FULL, NORMAL and OFF", synchronous},
};

struct arguments {
  bool quick = false;
  bool list = false;
  int repeats = 5;
  std::vector<std::string> only;
  std::string scratch = ".";
  std::string out;
  std::string name = "bench";
  std::string memory_of;
  std::string backlog_of;
  std::int64_t deliver = 1'000;
};

bool is_wanted(const arguments& x, const line& each) {
  return x.only.empty() || std::ranges::find(x.only, each.name) != x.only.end();
}

int run(const arguments& x) {
  report out{x.quick};
  data_files files{x.scratch};
  bench b{out, files, x.repeats};
  bool failed = false;
  for (const auto& each : lines) {
    if (!is_wanted(x, each))
      continue;
    report::progress(each.name + ": " + each.meaning);
    try {
      each.run(b);
    } catch (const std::exception& e) {
      std::printf("FAILED %s: %s\n", each.name.c_str(), e.what());
      failed = true;
    }
  }
  out.print_table();
  if (!x.out.empty())
    out.write(x.out, x.name);
  return failed ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  arguments x;
  CLI::App app{"Measures waybill against plain SQLite, side by side. Prints "
               "`ratio NAME VALUE GOAL ok|short` for each goal."};
  app.add_flag("--quick", x.quick, "smaller files, less than two minutes");
  app.add_flag("--list", x.list, "lists the lines and ends");
  app.add_option("--only", x.only, "runs these lines only")
    ->delimiter(',')
    ->check(CLI::IsMember([] {
      std::vector<std::string> names;
      for (const auto& each : lines)
        names.push_back(each.name);
      return names;
    }()));
  app.add_option("--repeats", x.repeats, "pairs of runs for each ratio")
    ->check(CLI::Range(1, 101));
  app.add_option("--scratch", x.scratch, "where the files go; default: here");
  app.add_option("--out", x.out, "a folder for the JSON and the plots' data");
  app.add_option("--name", x.name, "the JSON file's name, without .json");
  app.add_option("--memory-of", x.memory_of)->group("");
  app.add_option("--backlog-of", x.backlog_of)->group("");
  app.add_option("--deliver", x.deliver)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!x.memory_of.empty())
    return memory_child(x.memory_of);
  if (!x.backlog_of.empty())
    return backlog_child(x.backlog_of, x.deliver);
  if (x.list) {
    for (const auto& each : lines)
      std::printf("%-22s %s\n", each.name.c_str(), each.meaning.c_str());
    return 0;
  }
  return run(x);
}
