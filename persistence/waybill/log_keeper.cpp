#include "waybill/log_keeper.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "waybill/file_format.hpp"
#include "waybill/sealed_vfs.hpp"

namespace waybill {

namespace {

constexpr std::int64_t page_bytes = sqlite::page_bytes;
constexpr std::int64_t frame_bytes
  = page_bytes + std::int64_t{file_format::frame_header_bytes};
constexpr std::int64_t scattered_log_pages = 1'000;
constexpr std::int64_t pages_cut_off_at_once = 2'048;
constexpr auto cannot_copy
  = "the write-ahead log cannot be copied into the file";

} // namespace

void log_keeper::open(sqlite::connection& db) {
  db_ = &db;
  db.exec(("PRAGMA journal_size_limit = "
           + std::to_string(2 * page_bytes * checkpoint_pages_))
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
  frames_ = 0;
  is_held_ = is_full_ = false;
  failure_.reset();
  failed_at_ = 0;
}

std::int64_t log_keeper::bytes() const noexcept {
  return frames_ * frame_bytes;
}

bool log_keeper::checkpoint_is_due() const noexcept {
  const auto most_to_come = std::max(largest_commit_, largest_commit_before_);
  const auto most = is_scattered_ ? std::min(scattered_log_pages, most_frames_)
                                  : most_frames_;
  return (is_held_ && !failure_) || is_full_
         || frames_ - failed_at_ + most_to_come >= most;
}

void log_keeper::set_share(std::int64_t bytes) noexcept {
  most_frames_ = std::min(checkpoint_pages_, bytes / frame_bytes);
}

bool log_keeper::checkpoint() noexcept {
  is_full_ = false; // once it is tried
  int log = 0;
  int copied = 0;
  const auto code = sqlite3_wal_checkpoint_v2(db_->get(), nullptr,
                                              SQLITE_CHECKPOINT_PASSIVE, &log,
                                              &copied);
  if (code != SQLITE_OK)
    return fail(code, cannot_copy);
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
  if (is_held_ || had_failed || log > 2 * checkpoint_pages_) {
    const sqlite::no_lock_wait guard{*db_};
    cut = sqlite3_wal_checkpoint_v2(db_->get(), nullptr,
                                    SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                    nullptr);
    is_held_ = (cut & 0xFF) == SQLITE_BUSY;
    if (is_held_)
      return true; // someone reads the end of it
  }
  frames_ = 0;
  is_scattered_ = false;
  pages_to_cut_off_ = 0;
  return cut == SQLITE_OK || fail(cut, "the write-ahead log cannot be cut");
}

void log_keeper::cut() noexcept {
  const sqlite::no_lock_wait guard{*db_};
  copy(SQLITE_CHECKPOINT_TRUNCATE);
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
  return code == SQLITE_OK
         || fail(code, "the write-ahead log cannot be copied into the file and "
                       "stays beside it, with nothing lost");
}

// An error is in the way, and the log is kept.
bool log_keeper::fail(int code, const char* what) noexcept {
  failed_at_ = frames_;
  try {
    if (!failure_)
      failure_ = sqlite::to_text(db_->get(), code, what);
  } catch (const std::bad_alloc&) {
    // The next failure is told.
  }
  return (code & 0xFF) != SQLITE_CORRUPT;
}

bool log_keeper::is_overgrown() const noexcept {
  return is_held_ && frames_ > 2 * checkpoint_pages_;
}

bool log_keeper::give_back_space(std::int64_t max_pages,
                                 std::optional<std::int64_t> keep_least) {
  const auto unused = db_->query_int("PRAGMA freelist_count");
  const auto all = db_->query_int("PRAGMA page_count");
  const auto keep = keep_least ? std::max(*keep_least, all / 10) : 0;
  if (unused <= keep)
    return false;
  const auto pages = std::min(max_pages, unused - keep);
  note_scattered_pages();
  db_->exec(
    ("PRAGMA incremental_vacuum(" + std::to_string(pages) + ")").c_str());
  const auto left = db_->query_int("PRAGMA freelist_count");
  // A file that someone else made may not be able to give pages back.
  const auto more = left > keep && left < unused;
  pages_to_cut_off_ += unused - left;
  if (!more || pages_to_cut_off_ >= pages_cut_off_at_once)
    if (!checkpoint()) // this is what shortens the file
      sqlite::raise(db_->get(), SQLITE_CORRUPT, "copying the log");
  return more;
}

void log_keeper::on_written(std::int64_t frames) noexcept {
  const auto is_restarted = frames <= frames_;
  if (is_restarted || frames_ == 0)
    largest_commit_before_ = std::exchange(largest_commit_, 0);
  largest_commit_ = std::max(largest_commit_,
                             is_restarted ? frames : frames - frames_);
  frames_ = frames;
  failed_at_ = std::min(failed_at_, frames);
}

} // namespace waybill
