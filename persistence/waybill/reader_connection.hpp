// A read-only connection to a store that someone else may be writing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "waybill/name_table.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/store_file.hpp"

namespace waybill {

/// Takes no ownership, changes nothing and never checkpoints. Everything throws
/// store_error.
///
/// In a folder that we may not write SQLite can make no index of the log, and
/// opens no store that has none yet. If there is nothing in the log, the file
/// is read alone there, as one that nobody writes: a backup, mostly. Whether
/// that holds is looked at before anything is told of it.
class reader_connection {
public:
  /// @param vfs the name of a registered SQLite VFS; empty for the default.
  /// @throws store_error see store_reader.
  reader_connection(const std::string& file, std::int64_t cache_bytes,
                    const std::string& vfs);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// The VFS behind that which seals pages.
  [[nodiscard]] std::string base_vfs() const { return vfs_.base(); }
  sqlite::connection& db() noexcept { return db_; }
  /// As of the current, or last, moment.
  [[nodiscard]] const name_table& names() const noexcept { return names_; }

  /// Calls `f`, and returns what it does. All that it reads is as of one
  /// moment, and durable before this returns.
  template <class F>
  auto at_one_moment(F&& f) -> decltype(f()) {
    auto result = [&] {
      const snapshot guard{*this};
      return f();
    }();
    sync_log();
    check_unwritten();
    return result;
  }

  /// Whether anything may have been committed since the last call.
  bool has_changed();

private:
  // A transaction that reads, and lets go of what it sees.
  class snapshot {
  public:
    explicit snapshot(reader_connection& x);
    ~snapshot();
    snapshot(const snapshot&) = delete;
    snapshot& operator=(const snapshot&) = delete;

  private:
    sqlite3* db_;
  };

  static constexpr auto none_seen = UINT64_MAX;

  void open(std::int64_t cache_bytes);
  void connect(const std::string& name, int flags, std::int64_t cache_bytes);
  void read_new_names();
  void look_for_damage();
  void sync_log();
  [[nodiscard]] bool is_unwritten() const;
  void check_unwritten() const;

  std::string file_;
  sqlite::sealed_vfs vfs_;
  sqlite::connection db_;
  name_table names_;
  std::pair<std::int64_t, std::int64_t> names_as_of_; // openings and names
  sqlite::statement begin_;
  sqlite::statement state_of_names_;
  std::int64_t data_version_ = 0;
  std::uint64_t seen_recoveries_ = none_seen;
  /// Set if the file is read alone.
  std::optional<file_stamp> stamp_;
};

} // namespace waybill
