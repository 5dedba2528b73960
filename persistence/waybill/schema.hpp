// The on-disk format of a store: an SQLite database (https://sqlite.org).
//
// application_id 0x57594231 ("WYB1"), user_version = schema version. WAL mode,
// auto_vacuum = INCREMENTAL. All tables are STRICT. Pages have 4,096 bytes, of
// which the last 8 are the page's seal (page_seal.hpp), in the log as well.
//
// store      one row. `opens` counts the writes that are the owner's own: the
//            one that every owner begins with (store_opening.hpp, "baseline"),
//            and those that show that storage works again or give a name's
//            number to another text. Transitions up to the number `missing_to`
//            may be missing: they went with their operation, there were too
//            many, or the history was off; up to `off_to` it was so for the
//            last reason. While it is off, `missing_to` is the largest number
//            there is. No number up to `last_number` is given again.
// name       text of low cardinality, interned: `field` says of which column
//            (0 kind, 1 target, 2 source_instance, 3 source_script,
//            4 source_node). Never deleted; bounded for each field: a kind that
//            no operation has any more can give its number to a new one.
// operation  one row per operation, `seq` in order of recording: the number of
//            that transition. `last_transition` is the number of its last other
//            one, 0 if there is none; of one that has finished with a call it
//            is the complement of that (`~`, since version 7). `id` holds the
//            16 bytes of the UUID. `status` and the times are the numbers of
//            tracking_status and µs since 1970. A row's terminal time is its
//            `updated_at`: a terminal row never changes again. The five columns
//            that may be interned hold either a name's id (INTEGER) or the text
//            itself (TEXT).
// transition what an operation went through since it was recorded
//            (transition_log.hpp): `number` counts all transitions of the
//            store, `nth` those of the operation; `previous` is the number of
//            the one before, 0 for the first. The other columns are what
//            record_attempt said; all are NULL in the one that finished the
//            operation, for that is what the operation's row says. A row with
//            no status but a time is no transition: then the payload of a call
//            that was parked or failed was let go of, and `last_error` says
//            why (since version 5).
// counter    the number of operations for each kind (name id; 0 for kinds that
//            are not interned) and status, changed in the same transaction as
//            the rows.
// in_flight_block
//            the number of operations that are in flight in `in_status` and
//            whose `seq` is in the block (in_flight_blocks.hpp), as long as it
//            is not 0; changed like the counters.
// minute_total
//            what happened in a minute, counted from 1970: operations recorded,
//            ended by how, attempts to be repeated, and how many were in flight
//            in its end. A day is kept; what the last ten seconds before the
//            last operation brought may be missing (minute_totals.hpp; since
//            version 7).
// identity   one row: who the store is (store_identity.hpp).
// target     whom calls are kept for, and of how many calls and bytes: `calls`
//            and `bytes` on their way, `kept_calls` and `kept_bytes` parked or
//            failed. Changed like the counters. Never deleted.
// target_bounds
//            how much may be kept for the target of that `number`: what its
//            actor was last started with, for those who only read the file.
//            Targets that nobody has opened since version 3 have none.
// target_pause
//            why no attempt begins for the target of that `number`: since when
//            (µs since 1970), who has paused it, and the reason. A target that
//            goes on has none (since version 6).
// call       one row for each operation that has a call, with its `seq`
//            (call_table.hpp). `state`: 0 waits, 1 an attempt has begun, 2 kept
//            although it is parked or failed. `attempt` is the number of the
//            next attempt or of the one that has begun, `interruptions` how
//            many were ended by a crash; `due`, `expires` are µs since 1970,
//            `due` NULL means now. `root` is the UUID that the target knows the
//            call by, NULL for the operation's own; `bytes` the payload's size.
// payload    what is sent, one row for each call: `codec` says how it is
//            encoded. Never changes, and goes with its call. It has the call's
//            `seq`, unless `requeue` says otherwise.
// requeue    one row for each operation that is another one, tried again
//            (requeue_table.hpp): its own `seq`; that of the other one, NULL
//            once that is purged; how many come before it; the id of the first
//            of them, and its `seq`, which counts as the `place` in the order
//            of a key; the `seq` of the row of `payload` that it sends.
// requeued_key
//            the calls of these that have an order key: `kept` is 1 in state 2.
// audit      one row for each act of an operator (audit_table.hpp), `number` in
//            the order of recording: the act's own id, what was done, when it
//            began and when its last step was done, who has done it (NULL if
//            nobody was named), to what (ids, a target, or a filter), to how
//            many operations, the id of the last of these, and why. The oldest
//            go when there are too many.
// purged_successor
//            for an operation (its `seq`) whose successor is purged that one's
//            id. Goes with the operation (since version 7).
// tombstone_run, tombstone_page
//            what is left of operations that were purged, numbered in the order
//            of the purges: sorted runs (packed_run.hpp), whose entries say
//            which operation it was, and how and when it finished
//            (tombstone_entry.hpp). `first`, `next`: the numbers of its entries
//            are from one on and below the other; `entries`: how many these
//            are; `fences`: the first key of each page, and `last` the last
//            one; `filter` tells of `random` of them that they are there
//            (run_filter.hpp). An id may be there twice, and of an operation
//            that is there too: the operation counts, then the tombstone with
//            the largest number (since version 7, like all about them).
// purge_time when tombstones were made: `tombstones` of them from number
//            `first` on, without gaps.
// tombstone_successor
//            the successor of an operation that is purged and has one, by the
//            number of its tombstone, with its `id`.
// tombstone_bounds
//            one row: tombstones have numbers from `first` on and below `next`,
//            and others that may be found in runs count no more. No id of
//            version 7 among them bears a later time than `youngest` (ms since
//            1970; -1: none), and none that was purged after `forgotten_to` (µs
//            since 1970) has lost its tombstone or never had one, if such
//            operations get one. `next_run`: no run has had that number yet,
//            nor a larger one. Changed like the counters.
//
// Bytes 72 to 91 of the file name the log that continues it (log_name.hpp).
//
// Version 1 had no identity and no name of the log, pages in its log had no
// seals, and the seal of its first page was over all of it. Version 2 had no
// calls, version 3 no bounds of targets, version 5 no pauses and no calls that
// are tried again, version 6 no audit, no tombstones, no totals of minutes.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/sqlite.hpp"

namespace waybill {

inline constexpr std::int64_t store_application_id = 0x57594231;
inline constexpr int schema_version = 7;

/// The schema version of an open database; 0 if it is empty.
/// @throws store_error `not_a_store` for a database of something else,
///         `newer_schema` for a version above `schema_version`.
std::int64_t read_version(sqlite::connection& db, const std::string& file);

/// Brings an open database to `schema_version`: creates the schema in an empty
/// one, runs the migrations from an older one, one transaction each.
/// @throws store_error as `read_version`.
void migrate(sqlite::connection& db, const std::string& file);

/// Compares every table, index, trigger and view with what migrate() makes.
/// A file that someone else has touched could make SQLite run code of theirs.
/// @throws store_error `not_a_store` naming the first difference.
void verify_schema(sqlite::connection& db, const std::string& file);

} // namespace waybill
