#include "waybill/recovered_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "waybill/audit_messages.hpp"
#include "waybill/call_table.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/pause_table.hpp"
#include "waybill/queries.hpp"
#include "waybill/schema.hpp"
#include "waybill/text.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

namespace {

constexpr std::int64_t rows_a_transaction = 10'000;

// The first column of all tables, which is in no row's values.
constexpr std::size_t rowid = 0;

// Columns of `operation`, in the order of the table.
namespace of_operation {
constexpr std::size_t id = 1;
constexpr std::size_t status = 2;
constexpr std::size_t retry_count = 3;
constexpr std::size_t http_status = 4;
constexpr std::size_t created_at = 5;
constexpr std::size_t updated_at = 6;
constexpr std::size_t kind = 7;
constexpr std::size_t last_error = 12;
constexpr std::size_t last_transition = 13;
constexpr std::size_t count = 14;
} // namespace of_operation

// Of `transition`.
namespace of_transition {
constexpr std::size_t operation = 1;
constexpr std::size_t previous = 2;
constexpr std::size_t nth = 3;
constexpr std::size_t status = 4;
constexpr std::size_t retry_count = 5;
constexpr std::size_t at = 6;
constexpr std::size_t http_status = 7;
constexpr std::size_t last_error = 8;
constexpr std::size_t count = 9;
} // namespace of_transition

// Of `call`.
namespace of_call {
constexpr std::size_t target = 1;
constexpr std::size_t order_key = 8;
constexpr std::size_t root = 9;
constexpr std::size_t count = 11;
} // namespace of_call

// Of `payload`.
namespace of_payload {
constexpr std::size_t codec = 1;
constexpr std::size_t bytes = 2;
constexpr std::size_t count = 3;
} // namespace of_payload

// Of `target_pause`.
namespace of_pause {
constexpr std::size_t since = 1;
constexpr std::size_t who = 2;
constexpr std::size_t reason = 3;
constexpr std::size_t count = 4;
} // namespace of_pause

// Of `requeue`.
namespace of_requeue {
constexpr std::size_t predecessor = 1;
constexpr std::size_t generation = 2;
constexpr std::size_t root = 3;
constexpr std::size_t place = 4;
constexpr std::size_t payload = 5;
constexpr std::size_t count = 6;
} // namespace of_requeue

// The parameter of a statement that has a parameter for each column.
constexpr int parameter(std::size_t column) noexcept {
  return static_cast<int>(column) + 1;
}

// Of `operation`: the kind is the first of the columns that have names.
constexpr std::size_t column_of(name_field field) noexcept {
  return of_operation::kind + static_cast<std::size_t>(field);
}

// Of `audit`.
namespace of_audit {
constexpr std::size_t id = 1;
constexpr std::size_t verb = 2;
constexpr std::size_t at = 3;
constexpr std::size_t last_at = 4;
constexpr std::size_t who = 5;
constexpr std::size_t what = 6;
constexpr std::size_t operations = 7;
constexpr std::size_t last = 8;
constexpr std::size_t reason = 9;
constexpr std::size_t count = 10;
} // namespace of_audit

sqlite::connection make_store(const std::string& file,
                              const sqlite::sealed_vfs& vfs) {
  store_options options;
  options.file = file;
  operation_tracking_store{options}.close();
  ::unlink((file + "-lock").c_str());
  sqlite::connection db{file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        vfs.name()};
  db.set_up(options.cache_bytes);
  // Nobody sees it before it is whole.
  db.exec("PRAGMA synchronous = OFF");
  db.exec("CREATE TEMP TABLE reached (number INTEGER PRIMARY KEY)");
  return db;
}

bool is_text_or_null(const salvaged_value& x) {
  return x.is_null() || (x.is_text() && is_valid_text(x.bytes));
}

bool is_name(const salvaged_value& x, std::size_t most) {
  return x.is_text() && !x.bytes.empty() && x.bytes.size() <= most
         && is_valid_text(x.bytes);
}

bool is_http_or_null(const salvaged_value& x) {
  return x.is_null() || x.is_between(100, 599);
}

void bind(sqlite::statement& stmt, std::size_t column,
          const salvaged_value& x) {
  const auto at = parameter(column);
  if (x.is_integer())
    stmt.bind(at, x.integer);
  else if (x.is_text())
    stmt.bind_borrowed(at, std::string_view{x.bytes});
  else if (x.is_blob())
    stmt.bind_borrowed(at, x.blob());
  else
    stmt.bind_null(at);
}

std::optional<std::int32_t> optional_number(const salvaged_value& x) {
  return x.is_null() ? std::nullopt
                     : std::optional{static_cast<std::int32_t>(x.integer)};
}

// All but the names.
std::optional<tracking_status_snapshot> snapshot_in(const salvaged_row& row) {
  const auto& x = row.values;
  if (!x[of_operation::id].is_id()
      || !x[of_operation::status].is_between(0, num_tracking_statuses - 1)
      || !x[of_operation::retry_count].is_between(0, INT32_MAX)
      || !is_http_or_null(x[of_operation::http_status])
      || !x[of_operation::created_at].is_time()
      || !x[of_operation::updated_at].is_time()
      || !is_text_or_null(x[of_operation::last_error]))
    return std::nullopt;
  tracking_status_snapshot s;
  s.id = decode_id(x[of_operation::id].blob());
  s.status = static_cast<tracking_status>(x[of_operation::status].integer);
  s.retry_count
    = static_cast<std::int32_t>(x[of_operation::retry_count].integer);
  s.http_status = optional_number(x[of_operation::http_status]);
  s.created_at = timestamp{x[of_operation::created_at].integer};
  s.updated_at = timestamp{x[of_operation::updated_at].integer};
  if (is_terminal(s.status))
    s.terminal_at = s.updated_at;
  if (x[of_operation::last_error].is_text())
    s.last_error = x[of_operation::last_error].bytes;
  return s;
}

} // namespace

recovered_store::recovered_store(const std::string& file,
                                 const recovery_source& source,
                                 recovery_report& report)
  : source_{source},
    report_{report},
    vfs_{"", store_application_id},
    db_{make_store(file, vfs_)},
    tombstones_{db_} {
  names_.load(db_);
  operation_ = db_.prepare(
    "INSERT OR IGNORE INTO operation (seq, id, status, retry_count, "
    "http_status, created_at, updated_at, kind, target, source_instance, "
    "source_script, source_node, last_error, last_transition) VALUES "
    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
  transition_ = db_.prepare(
    "INSERT OR IGNORE INTO transition (number, operation, previous, nth, "
    "status, retry_count, at, http_status, last_error) VALUES "
    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  call_ = db_.prepare("INSERT OR IGNORE INTO call (" WAYBILL_CALL_COLUMNS
                      ") VALUES "
                      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  payload_ = db_.prepare("INSERT OR IGNORE INTO payload (seq, codec, bytes) "
                         "VALUES (?1, ?2, ?3)");
  requeue_ = db_.prepare("INSERT OR IGNORE INTO requeue "
                         "(" WAYBILL_REQUEUE_COLUMNS
                         ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  target_ = db_.prepare("INSERT INTO target (number, name, calls, bytes, "
                        "kept_calls, kept_bytes) VALUES (?1, ?2, 0, 0, 0, 0)");
  pause_ = db_.prepare(
    "INSERT OR IGNORE INTO target_pause (number, " WAYBILL_PAUSE_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4)");
  act_ = db_.prepare("INSERT OR IGNORE INTO audit (number, id, verb, at, "
                     "last_at, who, what, operations, last, reason) VALUES "
                     "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  find_ = db_.prepare("SELECT operation, previous, nth FROM transition "
                      "WHERE number = ?1");
  reached_ = db_.prepare("INSERT OR IGNORE INTO reached VALUES (?1)");
  cut_operation_ = db_.prepare(
    "UPDATE operation SET last_transition = "
    "CASE WHEN last_transition < 0 THEN ~?2 ELSE ?2 END WHERE seq = ?1");
  cut_transition_ = db_.prepare("UPDATE transition SET previous = ?2 "
                                "WHERE number = ?1");
  db_.exec("BEGIN");
}

// -- rows ---------------------------------------------------------------------

void recovered_store::take(const salvaged_row& row) {
  const auto& x = row.values;
  if (x.empty() || !x[0].is_null())
    return;
  if (x.size() == of_operation::count)
    take_operation(row);
  else if (x.size() == of_transition::count)
    take_transition(row);
  else if (x.size() == of_call::count)
    take_call(row);
  else if (x.size() == of_payload::count && x[of_payload::bytes].is_blob()
           && is_text_or_null(x[of_payload::codec]))
    take_payload(row);
  else if (x.size() == of_pause::count && x[of_pause::since].is_time()
           && is_name(x[of_pause::who], limits::max_operator)
           && is_name(x[of_pause::reason], limits::max_reason))
    take_pause(row);
  else if (x.size() == of_requeue::count && x[of_requeue::root].is_blob())
    take_requeue(row);
  else if (x.size() == of_audit::count)
    take_act(row);
  else if (recovered_tombstones::is_one(row))
    take_tombstone(row);
}

void recovered_store::take_operation(const salvaged_row& row) {
  const auto what = "operation number " + std::to_string(row.rowid);
  auto snapshot = snapshot_in(row);
  if (!snapshot || row.rowid < 1 || row.rowid > max_transition_number
      || !row.values[of_operation::last_transition].is_between(
        ~max_transition_number, max_transition_number))
    return leave_out(what + ": is no row that can have been stored");
  add_snapshot_names(row, *snapshot);
  if (const auto fault = find_fault(operation_record{*snapshot, {}}))
    return leave_out(what + ": " + escape(*fault));
  operation_.bind(parameter(rowid), row.rowid);
  for (std::size_t i = of_operation::id; i < of_operation::kind; ++i)
    bind(operation_, i, row.values[i]);
  bind_name(name_field::kind, snapshot->kind);
  bind_name(name_field::target, snapshot->target_summary);
  bind_name(name_field::source_instance, snapshot->source_instance_id);
  bind_name(name_field::source_script, snapshot->source_script);
  bind_name(name_field::source_node, snapshot->source_node);
  for (auto i = of_operation::last_error; i < of_operation::count; ++i)
    bind(operation_, i, row.values[i]);
  insert(operation_, row, report_.operations, what);
}

void recovered_store::add_snapshot_names(const salvaged_row& row,
                                         tracking_status_snapshot& to) {
  const auto value = [&](name_field field) -> const salvaged_value& {
    return row.values[column_of(field)];
  };
  const auto optional_name = [&](name_field field) {
    return value(field).is_null() ? std::nullopt
                                  : std::optional{name_of(value(field))};
  };
  to.kind = name_of(value(name_field::kind));
  to.target_summary = optional_name(name_field::target);
  to.source_instance_id = optional_name(name_field::source_instance);
  to.source_script = optional_name(name_field::source_script);
  to.source_node = optional_name(name_field::source_node);
}

// What is no name makes the row one that cannot be stored.
std::string recovered_store::name_of(const salvaged_value& x) {
  if (x.is_text())
    return x.bytes;
  if (!x.is_integer() || x.integer < 1)
    return std::string(1, '\0');
  if (const auto* const text = source_.name(x.integer))
    return *text;
  auto lost = "(lost name " + std::to_string(x.integer) + ")";
  if (lost_names_.insert(x.integer).second)
    leave_out("name " + std::to_string(x.integer) + " is lost; shown as "
              + lost);
  return lost;
}

void recovered_store::bind_name(name_field field,
                                const std::optional<std::string>& x) {
  const auto at = parameter(column_of(field));
  if (!x)
    return operation_.bind_null(at);
  if (const auto id = names_.intern(field, *x))
    operation_.bind(at, *id);
  else
    operation_.bind_borrowed(at, std::string_view{*x});
}

void recovered_store::take_transition(const salvaged_row& row) {
  const auto what = "transition " + std::to_string(row.rowid);
  const auto& x = row.values;
  const auto is_end = x[of_transition::status].is_null();
  if (!x[of_transition::operation].is_between(1, max_transition_number)
      || !x[of_transition::previous].is_between(0, max_transition_number)
      || row.rowid < 1 || row.rowid > max_transition_number
      || !x[of_transition::nth].is_between(1, max_nth_transition)
      || !is_http_or_null(x[of_transition::http_status])
      || !is_text_or_null(x[of_transition::last_error])
      || (!x[of_transition::at].is_time()
          && !(is_end && x[of_transition::at].is_null()))
      || (!is_end
          && (!x[of_transition::status].is_between(0, 1)
              || !x[of_transition::retry_count].is_between(0, INT32_MAX))))
    return leave_out(what + ": is no row that can have been stored");
  transition_.bind(parameter(rowid), row.rowid);
  for (auto i = of_transition::operation; i < of_transition::count; ++i)
    bind(transition_, i, x[i]);
  insert(transition_, row, report_.transitions, what);
}

void recovered_store::take_call(const salvaged_row& row) {
  const auto what = "call of operation number " + std::to_string(row.rowid);
  const auto& x = row.values;
  if (!x[of_call::target].is_between(1, INT32_MAX)
      || !is_text_or_null(x[of_call::order_key])
      || !(x[of_call::root].is_null() || x[of_call::root].is_id()))
    return leave_out(what + ": is no row that can have been stored");
  call_.bind(parameter(rowid), row.rowid);
  call_.bind(parameter(of_call::target), target_of(x[of_call::target].integer));
  for (auto i = of_call::target + 1; i < of_call::count; ++i)
    bind(call_, i, x[i]);
  insert(call_, row, report_.calls, what);
}

std::int64_t recovered_store::target_of(std::int64_t number) {
  if (const auto at = targets_.find(number); at != targets_.end())
    return at->second;
  auto name = "(lost target " + std::to_string(number) + ")";
  if (const auto* const found = source_.target(number))
    name = *found;
  else
    leave_out("target " + std::to_string(number) + " is lost; shown as "
              + name);
  const auto given = std::ssize(targets_) + 1;
  target_.bind(1, given);
  target_.bind_borrowed(2, std::string_view{name});
  target_.run();
  targets_[number] = given;
  return given;
}

void recovered_store::take_payload(const salvaged_row& row) {
  payload_.bind(parameter(rowid), row.rowid);
  for (auto i = of_payload::codec; i < of_payload::count; ++i)
    bind(payload_, i, row.values[i]);
  std::int64_t payloads = 0; // they are told of by their calls
  insert(payload_, row, payloads,
         "payload of operation number " + std::to_string(row.rowid));
}

// Who paused a target does not want it called because the disk has failed.
void recovered_store::take_pause(const salvaged_row& row) {
  if (row.rowid < 1 || row.rowid > INT32_MAX)
    return leave_out("pause of target " + std::to_string(row.rowid)
                     + ": is no row that can have been stored");
  pause_.bind(parameter(rowid), target_of(row.rowid));
  for (auto i = of_pause::since; i < of_pause::count; ++i)
    bind(pause_, i, row.values[i]);
  std::int64_t pauses = 0; // they are not told of
  insert(pause_, row, pauses, "pause of target " + std::to_string(row.rowid));
}

void recovered_store::take_requeue(const salvaged_row& row) {
  const auto what = "requeue as operation number " + std::to_string(row.rowid);
  const auto& x = row.values;
  const auto is_earlier = [&](std::size_t column) {
    return x[column].is_between(1, row.rowid - 1);
  };
  if (!(x[of_requeue::predecessor].is_null()
        || is_earlier(of_requeue::predecessor))
      || !x[of_requeue::generation].is_between(1, INT32_MAX)
      || x[of_requeue::root].bytes.size() != 16
      || !is_earlier(of_requeue::place) || !is_earlier(of_requeue::payload))
    return leave_out(what + ": is no row that can have been stored");
  requeue_.bind(parameter(rowid), row.rowid);
  for (auto i = of_requeue::predecessor; i < of_requeue::count; ++i)
    bind(requeue_, i, x[i]);
  std::int64_t requeues = 0; // they are told of by their operations
  insert(requeue_, row, requeues, what);
}

void recovered_store::take_act(const salvaged_row& row) {
  const auto what = "record " + std::to_string(row.rowid) + " of the audit";
  const auto& x = row.values;
  const auto is_id = [&](std::size_t column) {
    return x[column].is_id() && x[column].bytes != std::string(16, '\0');
  };
  if (row.rowid < 1 || row.rowid > max_transition_number || !is_id(of_audit::id)
      || !x[of_audit::verb].is_between(0, num_audit_verbs - 1)
      || !x[of_audit::at].is_time() || !x[of_audit::last_at].is_time()
      || !(x[of_audit::who].is_null()
           || is_name(x[of_audit::who], limits::max_operator))
      || !is_name(x[of_audit::what], limits::max_audit_text)
      || !x[of_audit::operations].is_between(0, audit_record::max_operations)
      || !(x[of_audit::last].is_null() || is_id(of_audit::last))
      || !is_text_or_null(x[of_audit::reason])
      || x[of_audit::reason].bytes.size() > limits::max_audit_text)
    return leave_out(what + ": is no row that can have been stored");
  act_.bind(parameter(rowid), row.rowid);
  for (auto i = of_audit::id; i < of_audit::count; ++i)
    bind(act_, i, x[i]);
  std::int64_t acts = 0; // they are not told of
  insert(act_, row, acts, what);
}

void recovered_store::take_tombstone(const salvaged_row& row) {
  const auto what = "row " + std::to_string(row.rowid) + " of tombstones";
  if (!tombstones_.take(row))
    return leave_out(what + ": is no row that can have been stored");
  if (!row.is_proven)
    ++report_.unproven;
  commit_now_and_then();
}

void recovered_store::insert(sqlite::statement& stmt, const salvaged_row& row,
                             std::int64_t& counter, const std::string& what) {
  stmt.run();
  if (sqlite3_changes(db_.get()) == 0)
    return leave_out(what
                     + ": there is another one of that number or id, or "
                       "it cannot have been stored");
  ++counter;
  if (!row.is_proven)
    ++report_.unproven;
  commit_now_and_then();
}

void recovered_store::commit_now_and_then() {
  if (++rows_ % rows_a_transaction != 0)
    return;
  db_.exec("COMMIT");
  names_.on_commit();
  db_.exec("BEGIN");
}

void recovered_store::leave_out(const std::string& what, std::int64_t rows) {
  report_.left_out += rows;
  remark(what);
}

void recovered_store::remark(const std::string& text) {
  report_.is_whole = false;
  if (report_.remarks.size() < recovery_report::max_remarks)
    report_.remarks.push_back(text);
}

// -- one store of them --------------------------------------------------------

void recovered_store::finish() {
  link_histories();
  settle_calls();
  settle_requeues();
  tombstones_.finish(report_.is_whole && report_.damaged_pages == 0
                     && report_.unproven == 0);
  count_anew();
  write_store_row();
  db_.exec("COMMIT");
  for (auto* const stmt :
       {&operation_, &transition_, &call_, &payload_, &requeue_, &target_,
        &pause_, &act_, &find_, &reached_, &cut_operation_, &cut_transition_})
    *stmt = {};
  names_.close();
  db_.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db_.close();
}

// A history is read backwards from its last step: what comes before one that is
// lost cannot be reached, and is left out.
void recovered_store::link_histories() {
  // A number is given once: one of the two is not what was written.
  db_.exec("DELETE FROM transition WHERE number IN "
           "(SELECT seq FROM operation)");
  if (const std::int64_t twice = sqlite3_changes(db_.get()); twice > 0) {
    report_.transitions -= twice;
    leave_out(std::to_string(twice)
                + " transitions have the numbers of operations",
              twice);
  }
  auto rows = db_.prepare("SELECT seq, last_transition FROM operation "
                          "WHERE last_transition <> 0");
  while (rows.step())
    link_history(rows.integer(0), decode_last(rows.integer(1)));
  db_.exec("DELETE FROM transition WHERE number NOT IN "
           "(SELECT number FROM reached)");
  const std::int64_t gone = sqlite3_changes(db_.get());
  report_.transitions -= gone;
  if (gone > 0)
    leave_out(std::to_string(gone)
                + " transitions come before one that is lost, or their "
                  "operations are lost",
              gone);
}

// No transition has the number of an operation: as the one before it says that
// there has been one, and that it is not there.
void recovered_store::link_history(std::int64_t operation, std::int64_t last) {
  auto after = std::int64_t{0};
  auto nth = std::int64_t{max_nth_transition} + 1;
  const auto cut = [&](sqlite::statement& stmt, std::int64_t number) {
    stmt.bind(1, number);
    stmt.bind(2, operation);
    stmt.run();
  };
  for (auto number = last; number != 0;) {
    find_.bind(1, number);
    const sqlite::reset_guard guard{find_};
    const auto is_own = find_.step() && find_.integer(0) == operation
                        && number > operation && find_.integer(2) < nth;
    if (!is_own)
      return after == 0 ? cut(cut_operation_, operation)
                        : cut(cut_transition_, after);
    const auto previous = find_.integer(1);
    reached_.bind(1, number);
    reached_.run();
    if (previous >= number)
      return cut(cut_transition_, number);
    after = number;
    nth = find_.integer(2);
    number = previous;
  }
}

void recovered_store::settle_calls() {
  const auto drop = [this](const char* where, const char* why) {
    db_.exec((std::string{"DELETE FROM call WHERE "} + where).c_str());
    const std::int64_t gone = sqlite3_changes(db_.get());
    report_.calls -= gone;
    if (gone > 0)
      leave_out(std::to_string(gone) + " calls: " + why, gone);
  };
  drop("seq NOT IN (SELECT seq FROM operation)", "their operations are lost");
  find_lost_requeues();
  // One of them sends it.
  drop("root IS NOT NULL AND seq < (SELECT last FROM "
       "(SELECT root AS of, max(seq) AS last FROM call WHERE root IS NOT NULL "
       "GROUP BY root) WHERE of = call.root)",
       "their successors have them");
  drop("bytes IS NOT (SELECT length(p.bytes) FROM payload p "
       "WHERE p.seq = coalesce((SELECT payload FROM requeue "
       "WHERE successor = call.seq), call.seq))",
       "their payloads are lost");
  drop("seq IN (SELECT predecessor FROM requeue JOIN call s "
       "ON s.seq = successor UNION SELECT payload FROM requeue JOIN call s "
       "ON s.seq = successor)",
       "their successors have them");
  drop("(SELECT CASE state WHEN 2 THEN status NOT IN (3, 4) ELSE status > 1 "
       "END FROM operation o WHERE o.seq = call.seq)",
       "their operations have ended otherwise");
  db_.exec("DELETE FROM payload WHERE seq NOT IN "
           "(SELECT coalesce(r.payload, call.seq) FROM call "
           "LEFT JOIN requeue r ON r.successor = call.seq)");
  if (const std::int64_t gone = sqlite3_changes(db_.get()); gone > 0)
    leave_out(std::to_string(gone) + " payloads: their calls are lost", gone);
}

// A call that was tried again knows its root, and the payload is where that was
// recorded. Which call it is the successor of nobody knows any more.
void recovered_store::find_lost_requeues() {
  db_.exec("INSERT OR IGNORE INTO requeue (" WAYBILL_REQUEUE_COLUMNS
           ") SELECT c.seq, NULL, 1, c.root, o.seq, o.seq FROM "
           "(SELECT max(seq) AS seq, root, bytes FROM call "
           "WHERE root IS NOT NULL GROUP BY root) c "
           "JOIN operation o ON o.id = c.root AND o.seq < c.seq "
           "JOIN payload p ON p.seq = o.seq AND length(p.bytes) = c.bytes "
           "WHERE NOT EXISTS (SELECT 1 FROM payload WHERE seq = c.seq)");
  if (const std::int64_t found = sqlite3_changes(db_.get()); found > 0)
    remark(std::to_string(found)
           + " calls were tried again, and it is lost of which others they are "
             "the successors: they have the first ones' payloads");
}

// What is lost of them is a link, or an operation that others are told of.
void recovered_store::settle_requeues() {
  db_.exec("DELETE FROM requeue "
           "WHERE successor NOT IN (SELECT seq FROM operation)");
  db_.exec("UPDATE requeue SET predecessor = NULL "
           "WHERE predecessor NOT IN (SELECT seq FROM operation)");
  db_.exec("INSERT OR IGNORE INTO requeued_key "
           "SELECT c.target, c.order_key, c.state = 2, r.place, c.seq "
           "FROM call c JOIN requeue r ON r.successor = c.seq "
           "WHERE c.order_key IS NOT NULL");
}

void recovered_store::count_anew() {
  db_.exec("INSERT INTO counter (kind, status, operations) "
           "SELECT CASE typeof(kind) WHEN 'integer' THEN kind ELSE 0 END AS k, "
           "status, count(*) FROM operation GROUP BY k, status");
  db_.exec("INSERT INTO in_flight_block (in_status, block, operations) "
           "SELECT status, seq >> 9 AS b, count(*) FROM operation "
           "WHERE status <= 1 GROUP BY status, b");
  db_.exec("UPDATE target SET "
           "calls = (SELECT count(*) FROM call WHERE target = number "
           "AND state <> 2), "
           "bytes = (SELECT coalesce(sum(bytes), 0) FROM call "
           "WHERE target = number AND state <> 2), "
           "kept_calls = (SELECT count(*) FROM call WHERE target = number "
           "AND state = 2), "
           "kept_bytes = (SELECT coalesce(sum(bytes), 0) FROM call "
           "WHERE target = number AND state = 2)");
}

// Whoever watches is told that transitions may be missing.
void recovered_store::write_store_row() {
  auto x = source_.store_row().value_or(salvaged_store_row{});
  if (x.last_number > max_transition_number)
    x.last_number = 0;
  const auto last = std::max(
    db_.query_int("SELECT max(coalesce((SELECT max(seq) FROM operation), 0), "
                  "coalesce((SELECT max(number) FROM transition), 0))"),
    x.last_number);
  if (!source_.store_row()) {
    remark("whether histories were kept is lost: they count as incomplete");
    x.off_to = last;
  }
  const auto is_off = x.missing_to == INT64_MAX; // now
  if (!is_off)
    x.missing_to = report_.is_whole
                     ? std::clamp<std::int64_t>(x.missing_to, 0, last)
                     : last;
  auto stmt = db_.prepare("UPDATE store SET last_number = ?1, missing_to = ?2, "
                          "off_to = ?3");
  stmt.bind(1, last);
  stmt.bind(2, x.missing_to);
  stmt.bind(3, std::clamp<std::int64_t>(x.off_to, 0, last));
  stmt.run();
}

} // namespace waybill
