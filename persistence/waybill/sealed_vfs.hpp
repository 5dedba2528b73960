// A VFS that notices when a page comes back from the disk other than it went
// there, which SQLite does not: pages are sealed (page_seal.hpp) when they go
// into the log or the database file, and verified when SQLite reads them from
// either. What does not match is SQLITE_CORRUPT. The database file names its
// log (log_name.hpp), and no other is replayed.
//
// Any SQLite can read such a file, and copy its log into it, be it as the last
// one that closes a file whose owner was killed: the seals go with the pages.
// One that writes without this VFS leaves pages with stale seals, which is then
// found as damage, as it should.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "waybill/log_syncer.hpp"
#include "waybill/page_seal.hpp"
#include "waybill/patience.hpp"
#include "waybill/sealed_log.hpp"

namespace waybill::sqlite {

/// A VFS that does what `base` does, keeps seals, waits for locks with
/// `patience` and leaves the log's syncs to a `log_syncer`. For one connection,
/// and one thread at a time. Registered as long as it lives; must outlive the
/// connection that uses it.
class sealed_vfs {
public:
  /// @param base the name of a registered VFS; empty for the default.
  /// @param application_id files with it are sealed, and so are those that say
  ///        so by their number of reserved bytes; others pass unverified.
  sealed_vfs(const std::string& base, std::uint32_t application_id);
  ~sealed_vfs();

  sealed_vfs(const sealed_vfs&) = delete;
  sealed_vfs& operator=(const sealed_vfs&) = delete;

  /// The name to open connections with.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// The name of the VFS behind it.
  [[nodiscard]] std::string base() const { return base_->zName; }

  /// For the log of the connection.
  [[nodiscard]] log_syncer& syncer() noexcept { return syncer_; }

  /// How often a log has been read from its beginning, as SQLite does when it
  /// has no index of it.
  [[nodiscard]] std::uint64_t recoveries() const noexcept {
    return found_.recoveries;
  }

  /// Makes room for the seals in a database that is still empty.
  /// @throws store_error `not_a_store` if it has a first page without room.
  static void prepare(sqlite3* db);

private:
  struct layer;
  struct database_file;
  struct log_file;

  static sealed_vfs& self_of(sqlite3_vfs* vfs) noexcept {
    return *static_cast<sealed_vfs*>(vfs->pAppData);
  }

  int open(const char* name, sqlite3_file* out, int flags, int* out_flags);

  sqlite3_vfs* base_;
  std::uint32_t application_id_;
  std::string name_;
  patience patience_;
  log_syncer syncer_;
  log_findings found_;
  sqlite3_vfs vfs_;
};

} // namespace waybill::sqlite
