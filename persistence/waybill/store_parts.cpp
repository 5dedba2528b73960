#include "waybill/store_parts.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "waybill/file_access.hpp"
#include "waybill/schema.hpp"
#include "waybill/space_reserve.hpp"
#include "waybill/store_opening.hpp"

namespace waybill {

namespace {

store_options checked(store_options options) {
  validate(options);
  options.file = canonical_store_path(options.file);
  return options;
}

} // namespace

store_parts::store_parts(store_options chosen)
  : options{checked(std::move(chosen))},
    ownership{take_store_file(options.file)},
    vfs{options.vfs, store_application_id} {
  try {
    open();
  } catch (...) {
    ownership.withdraw();
    throw;
  }
}

void store_parts::open() {
  try {
    try_to_open();
  } catch (const store_error& e) {
    if (e.code() != errc::store_full || !ownership.release_space())
      throw;
    note(e);
    try {
      try_to_open();
    } catch (...) {
      ownership.reserve_space();
      throw;
    }
  }
  ownership.reserve_space();
}

void store_parts::try_to_open() {
  try {
    db = open_database(options, vfs.name());
    log.open(db);
    transaction.load();
    make_baseline(db, options.synchronous, transitions);
    copy_log(); // what that finds damaged, the first verb tells
    db.checkpoint_on_close(false);
    if (options.synchronous != durability::off)
      sync_folder_of(options.file); // SQLite does not tell when it could not
    files.begin(options.file);
  } catch (const store_error& e) {
    close_database();
    throw as_open_error(e, options.file);
  } catch (...) {
    close_database();
    throw;
  }
}

void store_parts::close_database() noexcept {
  transaction.close();
  db.close();
  log.close();
}

std::optional<std::string> store_parts::close() noexcept {
  transaction.rollback();
  std::optional<std::string> failure;
  write_rest();
  if (is_usable()) {
    if (log.empty())
      db.checkpoint_on_close(true); // which also removes the log
    failure = log.take_failure();
  }
  close_database();
  if (!has_log(options.file)) // closing has copied it
    failure.reset();
  ownership.reserve_space(); // the log has given up its own
  vfs.syncer().stop();
  ownership = file_ownership{};
  return failure;
}

void store_parts::write_rest() noexcept {
  try {
    if (is_usable() && !transaction.is_unfinished()
        && counters.minutes().wants_rest()) {
      begin();
      commit();
    }
  } catch (...) {
    transaction.rollback();
  }
}

void store_parts::begin() {
  require_usable();
  check_files();
  ownership.touch();
  if (checkpoint_is_due())
    copy_log();
  damage.require_none();
  transaction.begin();
}

void store_parts::copy_log() {
  if (!log.checkpoint())
    damage.note({errc::store_corrupt,
                 sqlite::to_text(db.get(), SQLITE_CORRUPT, "copying the log"),
                 SQLITE_CORRUPT});
  files.database_written();
  settle_log_space();
}

bool store_parts::give_back_space(std::int64_t max_pages,
                                  std::optional<std::int64_t> keep_least) {
  const auto unused = db.query_int("PRAGMA freelist_count");
  const auto all = db.query_int("PRAGMA page_count");
  const auto keep = keep_least ? std::max(*keep_least, all / 10) : 0;
  if (unused <= keep)
    return false;
  const auto pages = std::min(max_pages, unused - keep);
  log.note_scattered_pages();
  db.exec(("PRAGMA incremental_vacuum(" + std::to_string(pages) + ")").c_str());
  const auto left = db.query_int("PRAGMA freelist_count");
  // A file that someone else made may not be able to give pages back.
  const auto more = left > keep && left < unused;
  if (space.note_cut_off(unused - left) || !more) {
    space.note_shortened();
    if (!log.checkpoint())
      sqlite::raise(db.get(), SQLITE_CORRUPT, "copying the log");
  }
  return more;
}

void store_parts::settle_log_space() noexcept {
  reserve_space(log.file(), log_reserve_bytes);
  log.set_share(share_of_log(log.file()));
}

void store_parts::note(const store_error& e) noexcept {
  if (e.code() != errc::store_full)
    return;
  space.note_full();
  log.note_full();
}

void store_parts::commit() {
  try {
    transaction.commit();
  } catch (const store_error& e) {
    note(e);
    throw;
  }
  confirm_commit();
}

bool store_parts::begin_commit(std::function<void()> on_synced) {
  try {
    if (transaction.begin_commit(std::move(on_synced)))
      return true; // it is confirmed when it is finished
  } catch (const store_error& e) {
    note(e);
    throw;
  }
  confirm_commit();
  return false;
}

void store_parts::confirm_commit() {
  if (const auto fault = find_file_fault()) {
    damage.note({errc::store_corrupt, *fault});
    throw store_error{errc::outcome_unknown, *fault};
  }
}

void store_parts::check_files() {
  if (const auto fault = find_file_fault()) {
    damage.note({errc::store_corrupt, *fault});
    damage.require_none();
  }
}

void store_parts::make_room_for_kind(const std::string& kind) {
  if (counters.all_are_used() || names.has_room(name_field::kind, kind))
    return;
  const auto kinds = names.ids_of(name_field::kind);
  if (const auto unused = counters.find_unused(kinds))
    names.rename(*unused, kind);
}

std::optional<std::string> store_parts::find_file_fault() const {
  if (!ownership.is_held())
    return ownership.lock_file()
           + ": was removed or replaced while the store was open, so that "
             "another owner may be at work";
  return files.find_fault(log.bytes());
}

} // namespace waybill
