// Page seals: SQLite does not notice when a page comes back from the disk other
// than it went there. This VFS does.
//
// The last 8 bytes of each page of the database file (SQLite's reserved bytes)
// hold a checksum of the rest and of the page's number. It is written when a
// page goes into the file, that is at a checkpoint and never in a COMMIT, and
// verified when SQLite reads the page from there; one that does not match is
// SQLITE_CORRUPT. The write-ahead log has checksums of SQLite's own.
//
// Any SQLite can read such a file. One that writes without this VFS leaves
// pages with stale seals, which is then found as damage, as it should.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <span>
#include <string>

#include "waybill/log_syncer.hpp"
#include "waybill/patience.hpp"

namespace waybill::sqlite {

inline constexpr std::size_t page_bytes = 4'096;
inline constexpr std::size_t seal_bytes = 8;

/// The seal of a page, of which `content` is all but the seal itself.
/// @param number counted from 0; a page in another's place does not match.
std::uint64_t seal_of(std::span<const std::uint8_t> content,
                      std::uint64_t number) noexcept;

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

  /// For the log of the connection.
  [[nodiscard]] log_syncer& syncer() noexcept { return syncer_; }

  /// Makes room for the seals in a database that is still empty.
  static void prepare(sqlite3* db);

private:
  struct layer;
  struct file;
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
  sqlite3_vfs vfs_;
};

} // namespace waybill::sqlite
