#include "waybill/operation_table.hpp"

#include <initializer_list>
#include <string>
#include <type_traits>

#include "waybill/operation_row.hpp"

namespace waybill {

namespace {

// In all statements that write a row, each column has the parameter of its
// place.
constexpr int param(int column) noexcept {
  return column + 1;
}

// `a = ?1, b = ?2`.
std::string assigned(std::initializer_list<std::string_view> columns) {
  std::string text;
  for (const auto each : columns) {
    text += text.empty() ? "" : ", ";
    text += each;
    text += " = ?" + std::to_string(param(column::place_of(each)));
  }
  return text;
}

std::string insert_text() {
  std::string params;
  for (int i = 0; i < column::count; ++i)
    params += (i == 0 ? "?" : ", ?") + std::to_string(param(i));
  return "INSERT INTO operation (" WAYBILL_OPERATION_COLUMNS ") VALUES ("
         + params + ") ON CONFLICT (id) DO NOTHING";
}

template <class T>
void bind_optional(sqlite::statement& stmt, int column,
                   const std::optional<T>& x) {
  if (!x)
    stmt.bind_null(param(column));
  else if constexpr (std::is_same_v<T, std::string_view>)
    stmt.bind_borrowed(param(column), *x);
  else
    stmt.bind(param(column), *x);
}

} // namespace

// -- opening and the steps of transactions ------------------------------------

void operation_table::load(sqlite::connection& db) {
  db_ = &db;
  insert_ = db.prepare(insert_text());
  // What is the same for all that are recorded; the rest stays NULL.
  for (const auto same :
       {column::status, column::retry_count, column::last_transition})
    insert_.bind(param(same), 0);
  find_ = db.prepare(
    "SELECT seq, status, kind, updated_at, retry_count, last_transition "
    "FROM operation WHERE id = ?1");
  said_ = db.prepare(
    "SELECT http_status, last_error FROM operation WHERE seq = ?1");
  select_ = db.prepare("SELECT " WAYBILL_SNAPSHOT_COLUMNS
                       " FROM operation WHERE id = ?1");
  select_row_ = db.prepare("SELECT " WAYBILL_OPERATION_COLUMNS
                           " FROM operation WHERE seq = ?1");
  id_of_ = db.prepare("SELECT id FROM operation WHERE seq = ?1");
  update_
    = db.prepare("UPDATE operation SET "
                 + assigned({"status", "updated_at", "retry_count",
                             "http_status", "last_error", "last_transition"})
                 + " WHERE " + assigned({"seq"}));
  update_in_status_
    = db.prepare("UPDATE operation SET "
                 + assigned({"updated_at", "retry_count", "http_status",
                             "last_error", "last_transition"})
                 + " WHERE " + assigned({"seq"}));
  // `status >= 2` lets SQLite see that the partial index serves.
  delete_ = db.prepare(
    "DELETE FROM operation WHERE seq IN (SELECT seq FROM operation "
    "WHERE status >= 2 AND status = ?1 AND updated_at < ?2 "
    "AND updated_at >= ?4 ORDER BY updated_at LIMIT ?3) "
    "RETURNING kind, id, seq, last_transition, updated_at");
  delete_row_ = db.prepare(
    "DELETE FROM operation WHERE seq = ?1 "
    "RETURNING kind, id, seq, last_transition, updated_at");
}

void operation_table::close() noexcept {
  for (auto* const stmt :
       {&insert_, &restore_, &note_, &find_, &said_, &select_, &select_row_,
        &id_of_, &update_, &update_in_status_, &delete_, &delete_row_})
    *stmt = {};
  db_ = nullptr;
}

void operation_table::on_begin(bool unfinished) noexcept {
  recent_.begin_transaction(unfinished);
}

void operation_table::on_finish() noexcept {
  recent_.only_last_is_open();
}

void operation_table::on_rollback(bool unfinished) noexcept {
  recent_.clear(unfinished);
  next_seq_ = 0;
}

// -- reading ------------------------------------------------------------------

std::optional<operation_table::found_row>
operation_table::find(const tracked_operation_id& id) {
  if (auto* const recent = recent_.find(id))
    return found_row{recent->seq,
                     recent->status,
                     recent->names[0],
                     recent->retry_count,
                     timestamp{recent->updated_at_us},
                     recent->chain,
                     recent};
  const auto bytes = encode_id(id);
  find_.bind_borrowed(1, bytes);
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    return std::nullopt;
  const auto last = decode_last(find_.integer(5));
  const transition_chain chain{last, last == 0 ? 0 : -1};
  return found_row{find_.integer(0),
                   decode_status(find_.integer(1)),
                   find_.is_integer(2) ? find_.integer(2) : 0,
                   decode_retry_count(find_, 4),
                   timestamp{find_.integer(3)},
                   chain,
                   nullptr};
}

bool operation_table::says(const found_row& row,
                           const transition_log::step& x) {
  if (x.status != row.status || x.retry_count != row.retry_count)
    return false;
  if (row.recent != nullptr && row.recent->is_complete)
    return row.recent->http_status == x.http_status.value_or(0)
           && row.recent->has_error == x.last_error.has_value()
           && (!x.last_error || row.recent->last_error == *x.last_error);
  said_.bind(1, row.seq);
  const sqlite::reset_guard guard{said_};
  return said_.step() && decode_http_status(said_, 0) == x.http_status
         && said_.is_null(1) == !x.last_error.has_value()
         && (!x.last_error || said_.text(1) == *x.last_error);
}

std::optional<tracking_status_snapshot>
operation_table::read(const tracked_operation_id& id) {
  if (const auto* const recent = recent_.find(id);
      recent != nullptr && recent->is_complete)
    return to_snapshot(*recent, names_);
  const auto bytes = encode_id(id);
  select_.bind_borrowed(1, bytes);
  const sqlite::reset_guard guard{select_};
  if (!select_.step())
    return std::nullopt;
  return decode_operation(select_, id, names_);
}

std::optional<tracking_status_snapshot>
operation_table::read_row(std::int64_t seq) {
  select_row_.bind(1, seq);
  const sqlite::reset_guard guard{select_row_};
  if (!select_row_.step())
    return std::nullopt;
  return decode_operation(select_row_, decode_id(select_row_.blob(column::id)),
                          names_);
}

std::optional<tracked_operation_id> operation_table::id_of(std::int64_t seq) {
  id_of_.bind(1, seq);
  const sqlite::reset_guard guard{id_of_};
  if (!id_of_.step())
    return std::nullopt;
  return decode_id(id_of_.blob(0));
}

// -- changing -----------------------------------------------------------------

std::optional<std::int64_t> operation_table::insert(const record_enqueue& x,
                                                    std::int64_t seq,
                                                    timestamp now) {
  recent_.prefetch(x.id);
  const auto id = encode_id(x.id);
  if (seq == next_seq_)
    insert_.bind_null(param(column::seq));
  else
    insert_.bind(param(column::seq), seq);
  insert_.bind_borrowed(param(column::id), id);
  insert_.bind(param(column::created_at), now.us());
  insert_.bind(param(column::updated_at), now.us());
  const auto names = bind_names(insert_, x);
  change_rows(insert_);
  if (!has_inserted(seq))
    return std::nullopt;
  auto& recent = recent_.put(x.id);
  recent.seq = seq;
  recent.chain = {};
  recent.created_at_us = now.us();
  recent.updated_at_us = now.us();
  recent.names = names.ids;
  recent.retry_count = 0;
  recent.http_status = 0;
  recent.status = tracking_status::submitted;
  recent.is_complete = names.are_all;
  recent_operations::set_error(recent, false, {});
  return names.ids[0];
}

std::optional<std::int64_t>
operation_table::insert(const tracking_status_snapshot& x,
                        const std::optional<std::string_view>& last_error,
                        std::int64_t seq, std::int64_t last_transition) {
  if (!restore_)
    restore_ = db_->prepare(insert_text());
  const auto id = encode_id(x.id);
  restore_.bind(param(column::seq), seq);
  restore_.bind_borrowed(param(column::id), id);
  restore_.bind(param(column::status), static_cast<std::int64_t>(x.status));
  restore_.bind(param(column::retry_count), x.retry_count);
  bind_optional(restore_, column::http_status, x.http_status);
  restore_.bind(param(column::created_at), x.created_at.us());
  restore_.bind(param(column::updated_at), x.updated_at.us());
  const auto names = bind_names(restore_, x);
  bind_optional(restore_, column::last_error, last_error);
  restore_.bind(param(column::last_transition), last_transition);
  change_rows(restore_);
  if (!has_inserted(seq))
    return std::nullopt;
  recent_.changed_uncached(x.id);
  return names.ids[0];
}

void operation_table::update(const tracked_operation_id& id,
                             const found_row& row,
                             const transition_log::step& to,
                             std::int64_t number, bool had_call) {
  // Without a change of the status no index is touched.
  auto& stmt = to.status == row.status ? update_in_status_ : update_;
  stmt.bind(param(column::seq), row.seq);
  if (to.status != row.status)
    stmt.bind(param(column::status), static_cast<std::int64_t>(to.status));
  stmt.bind(param(column::retry_count), to.retry_count);
  bind_optional(stmt, column::http_status, to.http_status);
  stmt.bind(param(column::updated_at), to.at.us());
  bind_optional(stmt, column::last_error, to.last_error);
  stmt.bind(param(column::last_transition),
            encode_last(number != 0 ? number : row.chain.last, had_call));
  change_rows(stmt);
  if (row.recent == nullptr) {
    recent_.changed_uncached(id);
    return;
  }
  auto& recent = *row.recent;
  recent_.changed(recent);
  recent.status = to.status;
  recent.retry_count = to.retry_count;
  recent.updated_at_us = to.at.us();
  recent.http_status = to.http_status.value_or(0);
  if (number != 0)
    recent.chain.extend(number);
  recent_operations::set_error(recent, to.last_error.has_value(),
                               to.last_error.value_or(std::string_view{}));
}

void operation_table::note_release(const tracked_operation_id& id,
                                   const found_row& row, std::int64_t number) {
  if (!note_)
    note_ = db_->prepare(
      "UPDATE operation SET last_transition = ?2 WHERE seq = ?1");
  note_.bind(1, row.seq);
  note_.bind(2, encode_last(number != 0 ? number : row.chain.last, true));
  change_rows(note_);
  if (row.recent == nullptr) {
    recent_.changed_uncached(id);
    return;
  }
  recent_.changed(*row.recent);
  if (number != 0)
    row.recent->chain.extend(number);
}

std::span<const operation_table::deleted_row>
operation_table::delete_finished(tracking_status status, timestamp older_than,
                                 timestamp not_before, std::int64_t limit) {
  delete_.bind(1, static_cast<std::int64_t>(status));
  delete_.bind(2, older_than.us());
  delete_.bind(3, limit);
  delete_.bind(4, not_before.us());
  deleted_.clear();
  run_delete(delete_);
  return deleted_;
}

std::span<const operation_table::deleted_row>
operation_table::delete_rows(std::span<const std::int64_t> rows) {
  deleted_.clear();
  for (const auto seq : rows) {
    delete_row_.bind(1, seq);
    run_delete(delete_row_);
  }
  return deleted_;
}

void operation_table::run_delete(sqlite::statement& stmt) {
  const sqlite::reset_guard guard{stmt};
  next_seq_ = 0; // the last row may go
  ++changes_begun_;
  while (stmt.step()) {
    const auto id = decode_id(stmt.blob(1));
    recent_.erase(id);
    deleted_.push_back({.seq = stmt.integer(2),
                        .kind = stmt.is_integer(0) ? stmt.integer(0) : 0,
                        .last_transition = decode_last(stmt.integer(3)),
                        .id = id,
                        .finished_at = timestamp{stmt.integer(4)},
                        .had_call = stmt.integer(3) < 0});
  }
}

void operation_table::change_rows(sqlite::statement& stmt) {
  ++changes_begun_;
  stmt.run();
}

// Whether the statement has inserted a row; `seq` is its number then.
bool operation_table::has_inserted(std::int64_t seq) noexcept {
  if (sqlite3_changes(db_->get()) == 0)
    return false;
  next_seq_ = seq + 1;
  return true;
}

template <class Row>
operation_table::row_names operation_table::bind_names(sqlite::statement& stmt,
                                                       const Row& x) {
  row_names names;
  const auto bind = [&](name_field field, std::string_view text) {
    if (const auto name = names_.intern(field, text)) {
      stmt.bind(param(column::of(field)), *name);
      names.ids[static_cast<std::size_t>(field)]
        = static_cast<std::int32_t>(*name);
    } else {
      stmt.bind_borrowed(param(column::of(field)), text);
      names.are_all = false;
    }
  };
  const auto bind_if = [&](name_field field,
                           const std::optional<std::string>& text) {
    if (text)
      bind(field, *text);
    else
      stmt.bind_null(param(column::of(field)));
  };
  bind(name_field::kind, x.kind);
  bind_if(name_field::target, x.target_summary);
  bind_if(name_field::source_instance, x.source_instance_id);
  bind_if(name_field::source_script, x.source_script);
  bind_if(name_field::source_node, x.source_node);
  return names;
}

} // namespace waybill
