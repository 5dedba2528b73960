// The on-disk format of a store: an SQLite database (https://sqlite.org).
//
// application_id 0x57594231 ("WYB1"), user_version = schema version. WAL mode,
// auto_vacuum = INCREMENTAL. All tables are STRICT. Pages have 4,096 bytes, of
// which the last 8 are the page's seal (sealed_vfs.hpp).
//
// store      one row. `opens` counts the writes that are the owner's own: the
//            one that every owner begins with (see
//            operation_tracking_store.cpp, "baseline"), and those that show
//            that storage works again.
// name       text of low cardinality, interned: `field` says of which column
//            (0 kind, 1 target, 2 source_instance, 3 source_script,
//            4 source_node). Never deleted; bounded for each field.
// operation  one row per operation, `seq` in order of recording. `id` holds the
//            16 bytes of the UUID. `status` and the times are the numbers of
//            tracking_status and µs since 1970. A row's terminal time is its
//            `updated_at`: a terminal row never changes again. The five columns
//            that may be interned hold either a name's id (INTEGER) or the text
//            itself (TEXT).
// counter    the number of operations for each kind (name id; 0 for kinds that
//            are not interned) and status, changed in the same transaction as
//            the rows.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/sqlite.hpp"

namespace waybill {

inline constexpr std::int64_t store_application_id = 0x57594231;
inline constexpr int schema_version = 1;

/// Brings an open database to `schema_version`: creates the schema in an empty
/// one, runs the migrations from an older one, one transaction each.
/// @throws store_error `not_a_store` for a database of something else,
///         `newer_schema` for a version above `schema_version`.
void migrate(sqlite::connection& db, const std::string& file);

/// Compares every table, index, trigger and view with what migrate() makes.
/// A file that someone else has touched could make SQLite run code of theirs.
/// @throws store_error `not_a_store` naming the first difference.
void verify_schema(sqlite::connection& db, const std::string& file);

} // namespace waybill
