#include "waybill/store_transaction.hpp"

#include <utility>

#include "waybill/file_limits.hpp"
#include "waybill/page_seal.hpp"

namespace waybill {

void store_transaction::load() {
  for (auto* const x : participants_)
    x->load(db_);
  begin_ = db_.prepare("BEGIN IMMEDIATE");
  commit_ = db_.prepare("COMMIT");
  page_count_ = db_.prepare("PRAGMA page_count");
  phase_ = phase::idle;
}

void store_transaction::close() noexcept {
  phase_ = phase::unusable;
  begin_ = {};
  commit_ = {};
  page_count_ = {};
  for (auto* const x : participants_)
    x->close();
}

void store_transaction::begin() {
  if (is_begun())
    throw store_error{errc::not_stored, "a transaction is open already"};
  damage_.watch([&] { begin_.run(); });
  for (auto* const x : participants_)
    x->on_begin(is_unfinished());
  phase_ = is_unfinished() ? phase::open_behind_unfinished : phase::open;
  log_end_ = find_log_end(db_.get());
  changes_before_ = sqlite3_total_changes(db_.get());
}

void store_transaction::commit() {
  if (!is_begun())
    throw store_error{errc::not_stored, "no transaction is open"};
  if (is_unfinished())
    throw store_error{errc::not_stored, "a commit has not been finished"};
  flush();
  try {
    commit_.run();
  } catch (const store_error& e) {
    rollback();
    if (is_undone(e))
      throw;
    // The log may hold the whole transaction, and then it is there again after
    // a restart. Whatever this connection believes does not matter.
    phase_ = phase::unusable;
    throw store_error{errc::outcome_unknown, e.what(), e.sqlite_code()};
  }
  phase_ = phase::idle;
  has_written_ = sqlite3_total_changes(db_.get()) != changes_before_;
  for (auto* const x : participants_)
    x->on_commit();
}

// What cannot be committed is rolled back.
void store_transaction::flush() {
  try {
    damage_.require_none();
    if (!db_.in_transaction())
      throw store_error{errc::not_stored,
                        "the transaction was rolled back after an error"};
    damage_.watch([&] {
      for (auto* const x : participants_)
        x->flush();
      make_room(0);
    });
  } catch (...) {
    rollback();
    throw;
  }
}

// A log whose pages find no room in the file could never be emptied again. So
// the file gets it before the log gets the pages, and a full disk is met while
// nothing has been written yet.
void store_transaction::make_room(std::int64_t more) {
  constexpr std::int64_t page_bytes = sqlite::page_bytes;
  auto* const file = sqlite::file_of(db_.get());
  if (file == nullptr || !log_end_ || log_end_->pages == 0)
    return;
  const sqlite::reset_guard guard{page_count_};
  page_count_.step();
  const auto pages = page_count_.integer(0) + more;
  if (pages <= log_end_->pages)
    return; // they have it
  // Other faults are the checkpoint's, which may meet a better day.
  if (const auto code = sqlite::make_room(file, page_bytes * log_end_->pages,
                                          page_bytes * pages);
      code == SQLITE_FULL)
    sqlite::raise(db_.get(), code, "making room in the file");
}

void store_transaction::require_room(std::int64_t pages) {
  if (db_.query_int("PRAGMA freelist_count") < pages)
    make_room(pages);
}

bool store_transaction::begin_commit(std::function<void()> on_synced) {
  syncer_.put_off();
  try {
    commit();
  } catch (...) {
    syncer_.forget();
    throw;
  }
  if (!syncer_.start(std::move(on_synced)))
    return false;
  phase_ = phase::unfinished;
  return true;
}

std::chrono::steady_clock::time_point store_transaction::finish_commit() {
  if (!is_unfinished())
    return std::chrono::steady_clock::now();
  if (const auto code = syncer_.finish(); code != SQLITE_OK) {
    undo();
    phase_ = phase::unusable; // as after a COMMIT that fails there
    throw store_error{errc::outcome_unknown,
                      sqlite::to_text(nullptr, code, "COMMIT"), code};
  }
  phase_ = is_begun() ? phase::open : phase::idle;
  for (auto* const x : participants_)
    x->on_finish();
  return syncer_.ended();
}

void store_transaction::rollback() noexcept {
  undo();
  if (is_begun())
    phase_ = is_unfinished() ? phase::unfinished : phase::idle;
}

void store_transaction::undo() noexcept {
  if (db_.in_transaction())
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  for (auto* const x : participants_)
    x->on_rollback(is_unfinished());
}

// Whether a COMMIT that failed and was rolled back is certain not to come back.
// After a failed sync nothing is: what the log shows may not be what the disk
// holds.
bool store_transaction::is_undone(const store_error& e) const noexcept {
  return e.code() != errc::store_corrupt
         && e.sqlite_code() != SQLITE_IOERR_FSYNC
         && e.sqlite_code() != SQLITE_IOERR_DIR_FSYNC && log_end_
         && is_surely_undone(db_.get(), *log_end_);
}

} // namespace waybill
