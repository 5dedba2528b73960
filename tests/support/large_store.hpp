// Stores of many operations.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "support/requests.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"

namespace waybill::test {

/// Writes operations with the numbers 1 to `rows` to a new store, a microsecond
/// apart from t0 on. Of 1,000 each one is Parked, one Retrying, the others are
/// Delivered. Recording them would take a hundred times as long.
inline void fill_store(const std::string& file, int rows) {
  {
    store_options x;
    x.file = file;
    operation_tracking_store store{x};
    store.record_enqueue(enqueue(1), t0);
  }
  const sqlite::sealed_vfs vfs{"", store_application_id};
  sqlite::connection db{file, SQLITE_OPEN_READWRITE, vfs.name()};
  db.exec("PRAGMA synchronous = OFF");
  const auto last = std::to_string(rows);
  db.exec((R"(
    BEGIN;
    WITH RECURSIVE n (n) AS (
      VALUES (2) UNION ALL SELECT n + 1 FROM n WHERE n < )"
           + last + R"()
    INSERT INTO operation
      SELECT n, CAST(printf('%016d', n) AS BLOB),
             CASE n % 1000 WHEN 0 THEN 3 WHEN 1 THEN 1 ELSE 2 END,
             1, 503, created_at + n, created_at + n + 7, kind, target,
             source_instance, source_script, source_node,
             '503 Service Unavailable', 0
      FROM n, operation WHERE seq = 1;
    DELETE FROM counter;
    INSERT INTO counter
      SELECT kind, status, count(*) FROM operation GROUP BY 1, 2;
    DELETE FROM in_flight_block;
    INSERT INTO in_flight_block
      SELECT status, seq >> 9, count(*) FROM operation WHERE status < 2
      GROUP BY 1, 2;
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE))")
            .c_str());
}

/// The id of operation `n` of such a store, but for the first.
inline tracked_operation_id filled_id(int n) {
  char text[17];
  std::snprintf(text, sizeof text, "%016d", n);
  std::uint64_t halves[2]{};
  for (int i = 0; i < 16; ++i)
    halves[i / 8] = halves[i / 8] << 8U | static_cast<unsigned char>(text[i]);
  return tracked_operation_id{halves[0], halves[1]};
}

} // namespace waybill::test
