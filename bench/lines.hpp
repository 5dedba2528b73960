// The lines of the benchmark: each measures one subject and reports it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data_files.hpp"
#include "report.hpp"

namespace waybill::bench {

/// What a line has to work with.
struct bench {
  report& out;
  data_files& files;
  /// How often the two sides of a ratio are run.
  int repeats;
};

struct line {
  std::string name;
  std::string meaning;
  void (*run)(bench&);
};

// writes.cpp
void enqueue_vs_raw(bench& b);
void lifecycle_vs_raw(bench& b);
void history_cost(bench& b);
void enqueue_vs_per_call(bench& b);
void single_vs_per_call(bench& b);
void v4_vs_v7(bench& b);

// reads.cpp
void status_vs_raw(bench& b);
void status_recent_vs_raw(bench& b);
void status_under_write(bench& b);
void list_page(bench& b);

// growth.cpp
void growth_v7(bench& b);
void growth_v4(bench& b);
void bytes_vs_text(bench& b);

// purging.cpp
void purge_rate_vs_raw(bench& b);
void purge_with_tombstones(bench& b);
void purge_pause(bench& b);
void purge_keeps_up(bench& b);

// tombstones.cpp
void tombstone_enqueue(bench& b);

// acts.cpp
void requeue_rate(bench& b);
void targets_time(bench& b);
void act_latency(bench& b);
void enqueue_with_socket(bench& b);

// resources.cpp
void open_time(bench& b);
void idle_cost(bench& b);
void memory(bench& b);

// calls.cpp
void forward_vs_raw(bench& b);
void forward_vs_plainjob(bench& b);
void backlog_memory(bench& b);
void backlog_start(bench& b);
void backlog_drain(bench& b);
void payload_64k(bench& b);
/// Prints what a process shows that serves `file` and delivers `calls` of those
/// that wait in it: ms to the first one, deliveries a second, resident bytes.
int backlog_child(const std::string& file, std::int64_t calls);

// sweeps.cpp: plain figures
void throughput(bench& b);
void latency(bench& b);
void synchronous(bench& b);

// child.cpp
/// Prints the resident memory, in bytes, of a process that serves `file`.
int memory_child(const std::string& file);

} // namespace waybill::bench
