#include "data_files.hpp"

#include <unistd.h>

#include <algorithm>

#include "baselines.hpp"
#include "call_baselines.hpp"
#include "report.hpp"
#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"

namespace waybill::bench {

namespace {

// As the store counts what baselines have put into it: by kind, and what is in
// flight by block.
void count_all(sqlite_file& db) {
  db.exec("BEGIN; DELETE FROM counter; INSERT INTO counter "
          "SELECT kind, status, count(*) FROM operation GROUP BY 1, 2; "
          "DELETE FROM in_flight_block; INSERT INTO in_flight_block "
          "SELECT status, seq >> 9, count(*) FROM operation "
          "WHERE status < 2 GROUP BY 1, 2; COMMIT");
}

} // namespace

data_files::data_files(const std::filesystem::path& parent)
  : folder_{parent / ("bench-" + std::to_string(::getpid()))} {
  std::filesystem::create_directories(folder_);
  folder_ = std::filesystem::canonical(folder_);
}

data_files::~data_files() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string data_files::with_rows(std::int64_t rows, id_kind ids) {
  const key k{rows, ids};
  if (const auto found = made_.find(k); found != made_.end())
    return found->second;
  report::progress("  making a file with " + std::to_string(rows)
                   + " operations, ids "
                   + (ids == id_kind::v4 ? "random" : "time-ordered"));
  const auto file = fresh();
  auto& some = ids_[k];
  {
    const sqlite::sealed_vfs vfs{"", store_application_id};
    raw_store store{file, durability::off, vfs.name()};
    auto& db = store.file();
    // Random ids touch all of the index in each transaction: few large ones.
    db.exec("PRAGMA cache_size = -2000000");
    db.exec("PRAGMA wal_autocheckpoint = 200000");
    constexpr std::int64_t transaction = 1'000'000;
    id_source next{ids, static_cast<std::uint64_t>(rows)};
    const auto every = std::max<std::int64_t>(1, rows / 100'000);
    const auto now = timestamp::now().us() - rows;
    for (std::int64_t n = 0; n < rows;) {
      store.begin();
      const auto end = std::min(rows, n + transaction);
      for (; n < end; ++n) {
        const auto id = next();
        store.finished(id, static_cast<std::uint64_t>(n), now + n);
        if (n % every == 0)
          some.push_back(id);
      }
      store.commit();
      if (rows > transaction)
        report::progress("    " + std::to_string(n));
    }
    count_all(db);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  made_.emplace(k, file);
  return file;
}

const std::vector<tracked_operation_id>& data_files::some_ids(std::int64_t rows,
                                                              id_kind ids) {
  with_rows(rows, ids);
  return ids_.at({rows, ids});
}

std::string data_files::with_calls(std::int64_t calls) {
  if (const auto found = with_calls_.find(calls); found != with_calls_.end())
    return found->second;
  report::progress("  making a file in which " + std::to_string(calls)
                   + " calls wait");
  const auto file = fresh();
  {
    const sqlite::sealed_vfs vfs{"", store_application_id};
    raw_calls store{file, durability::off, vfs.name()};
    auto& db = store.file();
    db.exec("PRAGMA wal_autocheckpoint = 100000");
    constexpr std::int64_t transaction = 50'000;
    const std::string payload(1'024, 'x');
    id_source ids{id_kind::v7, 1};
    for (std::int64_t n = 0; n < calls;) {
      store.begin_transaction();
      for (const auto end = std::min(calls, n + transaction); n < end; ++n)
        store.take(ids(), static_cast<std::uint64_t>(n), timestamp::now().us(),
                   payload, false);
      store.commit();
    }
    count_all(db);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  return with_calls_[calls] = file;
}

data_files::passing_file data_files::copy_of(std::int64_t rows, id_kind ids) {
  const auto from = with_rows(rows, ids);
  const auto to = fresh();
  std::filesystem::copy_file(from, to);
  return passing_file{to};
}

std::string data_files::fresh() {
  return folder_ / ("file-" + std::to_string(++last_) + ".db");
}

data_files::passing_file::~passing_file() {
  std::error_code ignored;
  for (const auto* suffix : {"", "-wal", "-shm", "-lock", "-journal"})
    std::filesystem::remove(name_ + suffix, ignored);
}

} // namespace waybill::bench
