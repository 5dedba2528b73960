#include "waybill/log_keeper.hpp"

#include <algorithm>
#include <new>
#include <string>

namespace waybill {

void log_keeper::open(sqlite::connection& db) {
  db_ = &db;
  db.exec(("PRAGMA journal_size_limit = "
           + std::to_string(2 * size_.most_page_bytes()))
            .c_str());
  sqlite3_wal_hook(
    db.get(),
    [](void* self, sqlite3*, const char*, int frames) {
      static_cast<log_keeper*>(self)->on_written(frames);
      return SQLITE_OK;
    },
    this);
}

void log_keeper::close() noexcept {
  db_ = nullptr;
  size_.empty();
  is_held_ = is_full_ = false;
  failure_.reset();
  failed_at_ = 0;
}

bool log_keeper::checkpoint() noexcept {
  is_full_ = false; // once it is tried
  int log = 0;
  int copied = 0;
  const auto code = sqlite3_wal_checkpoint_v2(db_->get(), nullptr,
                                              SQLITE_CHECKPOINT_PASSIVE, &log,
                                              &copied);
  if (code != SQLITE_OK)
    return fail(code, "the write-ahead log cannot be copied into the file");
  const auto had_failed = failure_.has_value();
  failure_.reset();
  failed_at_ = 0;
  if (copied < log) {
    is_held_ = true;
    return true;
  }
  // From here the next commit starts the log over. One that has grown past its
  // size gives its disk space back.
  int cut = SQLITE_OK;
  if (is_held_ || had_failed || log > 2 * size_.most()) {
    const sqlite::no_lock_wait guard{*db_};
    cut = sqlite3_wal_checkpoint_v2(db_->get(), nullptr,
                                    SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                    nullptr);
    is_held_ = (cut & 0xFF) == SQLITE_BUSY;
    if (is_held_)
      return true; // someone reads the end of it
  }
  size_.empty();
  return cut == SQLITE_OK || fail(cut, "the write-ahead log cannot be cut");
}

void log_keeper::cut() noexcept {
  const sqlite::no_lock_wait guard{*db_};
  if (copy(SQLITE_CHECKPOINT_TRUNCATE) == SQLITE_OK)
    size_.empty();
}

void log_keeper::restart() noexcept {
  copy(SQLITE_CHECKPOINT_RESTART);
}

int log_keeper::copy(int mode) noexcept {
  return sqlite3_wal_checkpoint_v2(db_->get(), nullptr, mode, nullptr, nullptr);
}

bool log_keeper::empty() noexcept {
  auto code = copy(SQLITE_CHECKPOINT_TRUNCATE);
  if ((code & 0xFF) == SQLITE_BUSY) // readers are in the way of this one alone
    code = copy(SQLITE_CHECKPOINT_PASSIVE);
  failure_.reset();
  if ((code & 0xFF) == SQLITE_CORRUPT)
    return fail(code, "the write-ahead log is damaged and stays beside the "
                      "file: keep both");
  return code == SQLITE_OK
         || fail(code, "the write-ahead log cannot be copied into the file and "
                       "stays beside it, with nothing lost");
}

// An error is in the way, and the log is kept.
bool log_keeper::fail(int code, const char* what) noexcept {
  failed_at_ = size_.frames();
  try {
    if (!failure_)
      failure_ = sqlite::to_text(db_->get(), code, what);
  } catch (const std::bad_alloc&) {
    // The next failure is told.
  }
  return (code & 0xFF) != SQLITE_CORRUPT;
}

void log_keeper::on_written(std::int64_t frames) noexcept {
  size_.written(frames);
  failed_at_ = std::min(failed_at_, frames);
}

} // namespace waybill
