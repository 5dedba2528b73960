// Whether the files of an open store are still there.
//
// A file whose name is taken away or given to another file can be written and
// synced as before, and is gone with the process. The host itself may cause
// that: when it opens and closes the database by other means than SQLite's, the
// locks of this process on it go, and whoever is the next to close it removes
// the log as if nobody were at work. Who comes when the log's index is gone
// makes another one, and neither hears of the other any more; memory that is
// cut off ends a process by a signal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/file_access.hpp"

namespace waybill {

/// Compares database, log and its index with what they were. Costs a look at
/// each name.
class file_watch {
public:
  /// Remembers what there is. All of them must be open.
  void begin(const std::string& file);

  /// The database has been written, and may have another size now.
  void database_written() noexcept;

  /// @param log_bytes what the log must have at least.
  /// @returns what is wrong, or none.
  [[nodiscard]] std::optional<std::string>
  find_fault(std::int64_t log_bytes) const;

private:
  struct watched {
    std::string name;
    // None if it is no file of the operating system's: another VFS may keep it
    // elsewhere.
    std::optional<file_id> id;
    std::int64_t bytes = 0;
  };

  static watched remember(std::string name);
  static std::optional<std::string> find_fault(const watched& x,
                                               std::int64_t bytes);

  watched database_;
  watched log_;
  watched index_;
};

} // namespace waybill
