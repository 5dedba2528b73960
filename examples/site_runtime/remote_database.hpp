// Delivers Database.CachedWrite: one row of a second database an attempt.
#pragma once

#include <memory>
#include <string>

#include "waybill/store_and_forward.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace site_runtime {

/// A historian's database with one table:
///
///   measurement(id, tag, value, quality, measured_at)
///
/// `id` is the operation's, so that a repeated write changes nothing. For one
/// thread at a time.
class remote_database {
public:
  /// Opens or creates the file. One that is not empty must have been made by
  /// this class; nothing is changed in any other.
  /// @throws std::runtime_error that names the file.
  explicit remote_database(const std::string& file);
  ~remote_database();
  remote_database(const remote_database&) = delete;
  remote_database& operator=(const remote_database&) = delete;

  /// Makes one attempt. A row that the table refuses is a permanent error; a
  /// locked database or a full disk is a transient one.
  waybill::delivery_result deliver(const waybill::delivery& call);

private:
  struct closer {
    void operator()(sqlite3* db) const noexcept;
  };
  struct finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };

  std::unique_ptr<sqlite3, closer> db_;
  std::unique_ptr<sqlite3_stmt, finalizer> insert_;
};

} // namespace site_runtime
