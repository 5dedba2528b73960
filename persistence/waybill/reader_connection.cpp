#include "waybill/reader_connection.hpp"

#include <utility>

#include "waybill/schema.hpp"
#include "waybill/store_file.hpp"
#include "waybill/torn_log.hpp"

namespace waybill {

namespace {

std::string checked(const std::string& file) {
  auto path = canonical_store_path(file);
  if (!check_store_file(path, file_use::reading))
    throw store_error{errc::store_unavailable,
                      path + ": there is no such file"};
  check_companions(path);
  return path;
}

// Whether `e` may come of a folder in which SQLite can make no files.
bool is_of_folder(const store_error& e) {
  const auto code = e.sqlite_code() & 0xFF;
  return code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

// A name by which SQLite takes a file for one that nobody changes.
std::string unchanging(const std::string& file) {
  std::string uri = "file:";
  for (const auto c : file)
    if (c == '%' || c == '?' || c == '#')
      uri += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    else
      uri += c;
  return uri + "?immutable=1";
}

} // namespace

reader_connection::snapshot::snapshot(reader_connection& x) : db_{x.db_.get()} {
  x.begin_.run();
  try {
    x.read_new_names();
    x.look_for_damage();
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

reader_connection::snapshot::~snapshot() {
  sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

reader_connection::reader_connection(const std::string& file,
                                     std::int64_t cache_bytes,
                                     const std::string& vfs)
  : file_{checked(file)}, vfs_{vfs, store_application_id} {
  try {
    open(cache_bytes);
  } catch (const store_error& e) {
    throw as_open_error(e, file_);
  }
}

void reader_connection::open(std::int64_t cache_bytes) {
  try {
    connect(file_, 0, cache_bytes);
  } catch (const store_error& e) {
    // Without a log nothing need be made beside it.
    const auto is_full = e.code() == errc::store_full;
    if (is_full ? has_log(file_)
                : !is_of_folder(e) || !folder_is_read_only(file_))
      throw;
    if (has_log(file_))
      throw store_error{errc::store_unavailable,
                        file_
                          + ": its log can only be read where its folder can "
                            "be written; copy the file and its -wal elsewhere",
                        e.sqlite_code()};
    stamp_ = stamp_of(file_);
    connect(unchanging(file_), SQLITE_OPEN_URI, cache_bytes);
    check_unwritten();
  }
}

void reader_connection::connect(const std::string& name, int flags,
                                std::int64_t cache_bytes) {
  db_ = sqlite::connection{name,
                           SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW
                             | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE
                             | flags,
                           vfs_.name()};
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  db_.set_up(cache_bytes);
  if (const auto version = read_version(db_, file_); version < schema_version)
    throw store_error{errc::store_unavailable,
                      version == 0 ? file_ + ": is empty"
                                   : file_ + ": has schema version "
                                       + std::to_string(version)
                                       + "; its next owner brings it to "
                                       + std::to_string(schema_version)};
  verify_schema(db_, file_);
  begin_ = db_.prepare("BEGIN");
  state_of_names_
    = db_.prepare("SELECT opens, (SELECT max(id) FROM name) FROM store");
  const snapshot first{*this};
  has_changed();
}

// After a kill nobody but the next owner looks whether the log is whole: SQLite
// ends it where it does not add up. So does a reader, each time that the log
// has been recovered. Without a log there is no index either: asking for one
// would make SQLite open it, and never close it.
void reader_connection::look_for_damage() {
  if (stamp_ || vfs_.recoveries() == seen_recoveries_)
    return;
  if (const auto fault = find_torn_log(db_.get(), file_))
    throw store_error{errc::store_corrupt, *fault};
  seen_recoveries_ = vfs_.recoveries();
}

bool reader_connection::has_changed() {
  if (stamp_)
    return !is_unwritten();
  const auto version = db_.query_int("PRAGMA data_version");
  return std::exchange(data_version_, version) != version;
}

// Names are added, or renamed, which counts as an opening.
void reader_connection::read_new_names() {
  const sqlite::reset_guard guard{state_of_names_};
  state_of_names_.step();
  const std::pair state{state_of_names_.integer(0), state_of_names_.integer(1)};
  if (state != names_as_of_)
    names_.read(db_);
  names_as_of_ = state;
}

// What the owner has committed last may not be on the disk yet, and nobody is
// to hear of what a power loss may take back.
void reader_connection::sync_log() {
  auto* const log = sqlite::log_of(db_.get());
  if (log == nullptr)
    return;
  const auto code
    = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  if (code != SQLITE_OK)
    sqlite::raise(nullptr, code, "syncing the log");
}

bool reader_connection::is_unwritten() const {
  return !stamp_ || (stamp_of(file_) == stamp_ && !has_log(file_));
}

void reader_connection::check_unwritten() const {
  if (!is_unwritten())
    throw store_error{errc::store_unavailable,
                      file_
                        + ": has been written while it was read; look "
                          "again"};
}

} // namespace waybill
