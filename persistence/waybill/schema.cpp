#include "waybill/schema.hpp"

#include <array>
#include <map>
#include <string_view>

#include "waybill/sealed_vfs.hpp"
#include "waybill/store_identity.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

// Where only what rows may say has changed.
constexpr const char* no_new_objects = "";

// migrations[n] takes version n to n + 1. A migration that has been released
// never changes.
constexpr std::array<const char*, schema_version> migrations{R"sql(
CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  opens INTEGER NOT NULL,
  last_number INTEGER NOT NULL,
  missing_to INTEGER NOT NULL,
  off_to INTEGER NOT NULL
) STRICT;
INSERT INTO store (one, opens, last_number, missing_to, off_to)
  VALUES (1, 0, 0, 0, 0);
CREATE TABLE name (
  id INTEGER PRIMARY KEY,
  field INTEGER NOT NULL CHECK (field BETWEEN 0 AND 4),
  text TEXT NOT NULL
) STRICT;
CREATE TABLE operation (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 5),
  retry_count INTEGER NOT NULL CHECK (retry_count >= 0),
  http_status INTEGER CHECK (http_status BETWEEN 100 AND 599),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  kind ANY NOT NULL,
  target ANY,
  source_instance ANY,
  source_script ANY,
  source_node ANY,
  last_error TEXT,
  last_transition INTEGER NOT NULL
) STRICT;
CREATE INDEX operation_finished ON operation (status, updated_at)
  WHERE status >= 2;
CREATE TABLE transition (
  number INTEGER PRIMARY KEY,
  operation INTEGER NOT NULL,
  previous INTEGER NOT NULL,
  nth INTEGER NOT NULL,
  status INTEGER CHECK (status BETWEEN 0 AND 1),
  retry_count INTEGER CHECK (retry_count >= 0),
  at INTEGER,
  http_status INTEGER CHECK (http_status BETWEEN 100 AND 599),
  last_error TEXT
) STRICT;
CREATE TABLE counter (
  kind INTEGER NOT NULL,
  status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 5),
  operations INTEGER NOT NULL CHECK (operations >= 0),
  PRIMARY KEY (kind, status)
) STRICT, WITHOUT ROWID;
CREATE TABLE in_flight_block (
  in_status INTEGER NOT NULL CHECK (in_status BETWEEN 0 AND 1),
  block INTEGER NOT NULL,
  operations INTEGER NOT NULL CHECK (operations >= 0),
  PRIMARY KEY (in_status, block)
) STRICT, WITHOUT ROWID;
)sql",
                                                             R"sql(
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  uuid BLOB NOT NULL CHECK (length(uuid) = 16),
  incarnation INTEGER NOT NULL
) STRICT;
CREATE TABLE epoch (
  first INTEGER PRIMARY KEY,
  mark INTEGER NOT NULL
) STRICT;
INSERT INTO epoch (first, mark) VALUES (0, random());
)sql",
                                                             R"sql(
CREATE TABLE target (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  calls INTEGER NOT NULL CHECK (calls >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  kept_calls INTEGER NOT NULL CHECK (kept_calls >= 0),
  kept_bytes INTEGER NOT NULL CHECK (kept_bytes >= 0)
) STRICT;
CREATE TABLE call (
  seq INTEGER PRIMARY KEY,
  target INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  interruptions INTEGER NOT NULL CHECK (interruptions >= 0),
  due INTEGER,
  expires INTEGER,
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
  order_key TEXT CHECK (length(CAST(order_key AS BLOB)) <= 256),
  root BLOB CHECK (length(root) = 16),
  bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;
CREATE INDEX call_begun ON call (target) WHERE state = 1;
CREATE INDEX call_scheduled ON call (target, due)
  WHERE state = 0 AND due IS NOT NULL;
CREATE TABLE payload (
  seq INTEGER PRIMARY KEY,
  codec TEXT,
  bytes BLOB NOT NULL
) STRICT;
)sql",
                                                             R"sql(
CREATE TABLE target_bounds (
  number INTEGER PRIMARY KEY,
  max_calls INTEGER NOT NULL CHECK (max_calls >= 1),
  max_bytes INTEGER NOT NULL CHECK (max_bytes >= 1),
  max_kept_calls INTEGER NOT NULL CHECK (max_kept_calls >= 1),
  max_kept_bytes INTEGER NOT NULL CHECK (max_kept_bytes >= 1)
) STRICT;
CREATE INDEX call_keyed ON call (target, order_key, state)
  WHERE order_key IS NOT NULL;
)sql", no_new_objects,
                                                             R"sql(
CREATE TABLE target_pause (
  number INTEGER PRIMARY KEY,
  since INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE TABLE requeue (
  successor INTEGER PRIMARY KEY,
  predecessor INTEGER UNIQUE,
  generation INTEGER NOT NULL CHECK (generation >= 1),
  root BLOB NOT NULL CHECK (length(root) = 16),
  place INTEGER NOT NULL,
  payload INTEGER NOT NULL
) STRICT;
CREATE TABLE requeued_key (
  target INTEGER NOT NULL,
  order_key TEXT NOT NULL,
  kept INTEGER NOT NULL CHECK (kept BETWEEN 0 AND 1),
  place INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (target, order_key, kept, place)
) STRICT, WITHOUT ROWID;
)sql",
                                                             R"sql(
CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  verb INTEGER NOT NULL CHECK (verb BETWEEN 0 AND 4),
  at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  who TEXT,
  what TEXT NOT NULL,
  operations INTEGER NOT NULL CHECK (operations >= 0),
  last BLOB CHECK (length(last) = 16),
  reason TEXT
) STRICT;
CREATE TABLE tombstone_run (
  run INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  next INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  random INTEGER NOT NULL,
  last BLOB NOT NULL,
  fences BLOB NOT NULL,
  filter BLOB NOT NULL
) STRICT;
CREATE TABLE tombstone_page (
  number INTEGER PRIMARY KEY,
  entries BLOB NOT NULL
) STRICT;
CREATE TABLE purge_time (
  first INTEGER PRIMARY KEY,
  purged_at INTEGER NOT NULL,
  tombstones INTEGER NOT NULL CHECK (tombstones >= 1)
) STRICT;
CREATE TABLE tombstone_successor (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL CHECK (length(id) = 16),
  successor BLOB NOT NULL CHECK (length(successor) = 16)
) STRICT;
CREATE TABLE tombstone_bounds (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  first INTEGER NOT NULL,
  next INTEGER NOT NULL,
  youngest INTEGER NOT NULL,
  forgotten_to INTEGER,
  next_run INTEGER NOT NULL
) STRICT;
INSERT INTO tombstone_bounds
    (one, first, next, youngest, forgotten_to, next_run)
  SELECT 1, 1, 1, -1, CASE WHEN opens > 0
    THEN CAST(strftime('%s', 'now') AS INTEGER) * 1000000 END, 1 FROM store;
CREATE TABLE purged_successor (
  predecessor INTEGER PRIMARY KEY,
  id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;
CREATE TABLE minute_total (
  minute INTEGER PRIMARY KEY,
  taken INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  parked INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  discarded INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  in_flight INTEGER NOT NULL
) STRICT;
)sql"};

std::map<std::string, std::string> objects_of(sqlite::connection& db) {
  std::map<std::string, std::string> objects;
  auto stmt = db.prepare(
    "SELECT type || ' ' || name, coalesce(sql, '') "
    "FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'");
  while (stmt.step())
    objects.emplace(stmt.text(0), stmt.text(1));
  return objects;
}

void apply(sqlite::connection& db, int version) {
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec(migrations.at(static_cast<std::size_t>(version)));
    if (version == 1)
      give_identity(db);
    db.exec(("PRAGMA user_version = " + std::to_string(version + 1)).c_str());
    db.exec("COMMIT");
  } catch (...) {
    if (db.in_transaction())
      sqlite3_exec(db.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

} // namespace

std::int64_t read_version(sqlite::connection& db, const std::string& file) {
  const auto application_id = db.query_int("PRAGMA application_id");
  const auto version = db.query_int("PRAGMA user_version");
  if (application_id != store_application_id) {
    const auto objects = db.query_int("SELECT count(*) FROM sqlite_schema");
    if (application_id != 0 || version != 0 || objects != 0)
      throw store_error{errc::not_a_store,
                        file
                          + ": is a database of another program "
                            "(application_id "
                          + std::to_string(application_id) + ", "
                          + std::to_string(objects) + " schema objects)"};
    return 0;
  }
  if (version < 0 || version > schema_version)
    throw store_error{errc::newer_schema,
                      file + ": has schema version " + std::to_string(version)
                        + ", but this program knows versions up to "
                        + std::to_string(schema_version)
                        + "; use a newer waybill"};
  return version;
}

void migrate(sqlite::connection& db, const std::string& file) {
  auto version = read_version(db, file);
  if (version == 0 && db.query_int("PRAGMA application_id") == 0) {
    // These two must be set before the first page is written, which turning
    // WAL on does.
    sqlite::sealed_vfs::prepare(db.get());
    db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec(("PRAGMA application_id = " + std::to_string(store_application_id))
              .c_str());
  }
  for (; version < schema_version; ++version)
    apply(db, static_cast<int>(version));
}

void verify_schema(sqlite::connection& db, const std::string& file) {
  sqlite::connection model{":memory:",
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                             | SQLITE_OPEN_NOMUTEX,
                           ""};
  for (const auto* const migration : migrations)
    model.exec(migration);
  const auto wanted = objects_of(model);
  const auto found = objects_of(db);
  const auto differs = [&](const std::string& object, std::string_view how) {
    throw store_error{errc::not_a_store,
                      file + ": its schema is not waybill's: " + escape(object)
                        + " " + std::string{how}};
  };
  for (const auto& [object, sql] : found) {
    const auto at = wanted.find(object);
    if (at == wanted.end())
      differs(object, "does not belong there");
    else if (at->second != sql)
      differs(object, "has another definition");
  }
  for (const auto& [object, sql] : wanted)
    if (!found.contains(object))
      differs(object, "is missing");
}

} // namespace waybill
