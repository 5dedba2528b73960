// What store-and-forward is measured against: the writes of calls that are
// kept, as plain loops over SQLite's C API.
//
// raw_calls    waybill's own tables, prepared statements, one thread.
// plain_queue  the obvious job queue: one table, and a transaction for each
//              step of a job.
#pragma once

#include <cstdint>
#include <string>

#include "baselines.hpp"

namespace waybill::bench {

class raw_calls {
public:
  /// A call that was taken, and is not at its end yet.
  struct taken {
    tracked_operation_id id;
    std::int64_t seq = 0;
    std::int64_t bytes = 0;
  };

  explicit raw_calls(const std::string& file,
                     durability synchronous = durability::full,
                     const std::string& vfs = {});

  void begin_transaction() { operations_.begin(); }
  /// With the target's counters, as waybill keeps them.
  void commit();

  /// Records an operation, and keeps its call.
  /// @param begun its first attempt begins with that.
  /// @param due in µs since 1970; 0 means now.
  taken take(const tracked_operation_id& id, std::uint64_t n, std::int64_t now,
             const std::string& payload, bool begun, std::int64_t due = 0);

  /// An attempt begins: its payload is read for that.
  void begin(const taken& x);

  /// The call is delivered, and goes.
  void end(const taken& x, std::int64_t now);

  sqlite_file& file() noexcept { return operations_.file(); }

  /// The only target's name.
  static constexpr const char* target = "bench";

private:
  raw_store operations_;
  sqlite_file::statement insert_call_, insert_payload_, payload_, begin_,
    delete_call_, delete_payload_, sums_;
  std::int64_t calls_ = 0;
  std::int64_t bytes_ = 0;
};

class plain_queue {
public:
  explicit plain_queue(const std::string& file);

  /// A job from its insertion to its end: three transactions.
  void run_job(const tracked_operation_id& id, const std::string& payload,
               timestamp now);

private:
  sqlite_file db_;
  sqlite_file::statement insert_, find_, begin_, delete_;
};

} // namespace waybill::bench
