#include "waybill/audit_table.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "waybill/operation_row.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

// Places of WAYBILL_AUDIT_COLUMNS.
namespace audit_column {
constexpr int number = 0;
constexpr int id = 1;
constexpr int verb = 2;
constexpr int at = 3;
constexpr int last_at = 4;
constexpr int who = 5;
constexpr int what = 6;
constexpr int operations = 7;
constexpr int last = 8;
constexpr int reason = 9;
} // namespace audit_column

std::optional<std::string> text_or_none(const sqlite::statement& row,
                                        int column) {
  return row.is_null(column) ? std::nullopt
                             : std::optional{decode_text(row, column)};
}

std::string shortened(const std::string& text) {
  return truncate_utf8(text, limits::max_audit_text);
}

std::string ids_text(const std::vector<tracked_operation_id>& ids) {
  std::string all;
  for (const auto& id : ids)
    all += (all.empty() ? "" : " ") + to_string(id);
  return all;
}

std::int64_t operations_of(const act_step& x) {
  return x.ids.empty() ? x.operations : std::ssize(x.ids);
}

std::string what_of(const act_step& x) {
  if (x.act && x.act->what)
    return *x.act->what;
  return shortened(x.ids.empty() ? x.what : ids_text(x.ids));
}

// What an act has been done to, with those of another step.
std::string with_others(std::string what, const act_step& x) {
  if (x.ids.empty() || (x.act && x.act->what)
      || what.ends_with(truncation_mark))
    return what;
  return shortened(what + " " + ids_text(x.ids));
}

} // namespace

audit_record decode_audit(const sqlite::statement& row) {
  audit_record x;
  x.id = decode_id(row.blob(audit_column::id));
  x.verb = static_cast<audit_verb>(row.integer(audit_column::verb));
  x.at = timestamp{row.integer(audit_column::at)};
  x.last_at = timestamp{row.integer(audit_column::last_at)};
  x.who = text_or_none(row, audit_column::who);
  x.what = decode_text(row, audit_column::what);
  x.operations = row.integer(audit_column::operations);
  if (!row.is_null(audit_column::last))
    x.last = decode_id(row.blob(audit_column::last));
  x.reason = text_or_none(row, audit_column::reason);
  if (const auto fault = find_fault(x))
    row_is_corrupt("a record of the audit: " + *fault);
  return x;
}

void audit_table::load(sqlite::connection& db) {
  find_ = db.prepare("SELECT number, verb, what, last_at, who FROM audit "
                     "WHERE id = ?1");
  insert_ = db.prepare("INSERT INTO audit (id, verb, at, last_at, who, what, "
                       "operations, last, reason) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  update_ = db.prepare("UPDATE audit SET last_at = ?2, what = ?3, "
                       "operations = operations + ?4, "
                       "last = coalesce(?5, last) WHERE number = ?1");
  // Not many at a time, if more were kept before.
  remove_ = db.prepare("DELETE FROM audit WHERE "
                       "number <= (SELECT max(number) FROM audit) - ?1 "
                       "AND number < (SELECT min(number) FROM audit) + 64");
}

void audit_table::close() noexcept {
  for (auto* const stmt : {&find_, &insert_, &update_, &remove_})
    *stmt = {};
}

void audit_table::note(const act_step& x) {
  if (most_ == 0)
    return;
  const auto id = add_to_known(x);
  if (!id)
    return;
  std::optional<tracked_operation_id> last;
  if (!x.ids.empty())
    last = x.ids.back();
  std::optional<std::string> reason;
  if (x.reason)
    reason = shortened(*x.reason);
  insert({.id = *id,
          .verb = x.verb,
          .at = x.now,
          .last_at = x.now,
          .who = x.act ? x.act->who : std::nullopt,
          .what = what_of(x),
          .operations = operations_of(x),
          .last = last,
          .reason = std::move(reason)});
}

// @returns the id of a new record, unless there is one of the act.
std::optional<tracked_operation_id>
audit_table::add_to_known(const act_step& x) {
  if (!x.act || !x.act->id)
    return tracked_operation_id::generate();
  const auto id = encode_id(*x.act->id);
  find_.bind_borrowed(1, id);
  std::string what;
  {
    const sqlite::reset_guard guard{find_};
    if (!find_.step())
      return *x.act->id;
    if (find_.integer(1) != static_cast<std::int64_t>(x.verb)
        || text_or_none(find_, 4) != x.act->who)
      return tracked_operation_id::generate(); // it is another act
    what = with_others(decode_text(find_, 2), x);
    update_.bind(1, find_.integer(0));
    update_.bind(2, std::max(find_.integer(3), x.now.us()));
  }
  update_.bind_borrowed(3, std::string_view{what});
  update_.bind(4, operations_of(x));
  const auto last = encode_id(x.ids.empty() ? tracked_operation_id{}
                                            : x.ids.back());
  if (x.ids.empty())
    update_.bind_null(5);
  else
    update_.bind_borrowed(5, last);
  ++changes_begun_;
  update_.run();
  return std::nullopt;
}

bool audit_table::restore(const audit_record& x) {
  if (most_ == 0)
    return true;
  const auto id = encode_id(x.id);
  find_.bind_borrowed(1, id);
  {
    const sqlite::reset_guard guard{find_};
    if (find_.step())
      return false;
  }
  insert(x);
  return true;
}

void audit_table::insert(const audit_record& x) {
  const auto id = encode_id(x.id);
  insert_.bind_borrowed(1, id);
  insert_.bind(2, static_cast<std::int64_t>(x.verb));
  insert_.bind(3, x.at.us());
  insert_.bind(4, x.last_at.us());
  insert_.bind_borrowed_or_null(5, x.who);
  insert_.bind_borrowed(6, std::string_view{x.what});
  insert_.bind(7, x.operations);
  id_bytes last{};
  if (x.last) {
    last = encode_id(*x.last);
    insert_.bind_borrowed(8, last);
  } else {
    insert_.bind_null(8);
  }
  insert_.bind_borrowed_or_null(9, x.reason);
  ++changes_begun_;
  insert_.run();
  remove_oldest();
}

void audit_table::remove_oldest() {
  remove_.bind(1, most_);
  ++changes_begun_;
  remove_.run();
}

audit_reply read_audit(sqlite::connection& db, const list_audit& request) {
  const auto newest_first = request.order == list_order::newest_first;
  auto stmt = db.prepare(
    std::string{"SELECT " WAYBILL_AUDIT_COLUMNS
                " FROM audit WHERE at >= ?1 AND at < ?2 AND "}
    + (newest_first ? "(at, number) < (?3, ?4)" : "(at, number) > (?3, ?4)")
    + " AND (?5 = 0 OR (?5 >> verb) & 1) ORDER BY "
    + (newest_first ? "at DESC, number DESC" : "at, number") + " LIMIT ?6");
  std::int64_t verbs = 0;
  for (const auto each : request.verbs)
    verbs |= std::int64_t{1} << static_cast<int>(each);
  const auto end = newest_first ? INT64_MAX : INT64_MIN;
  const auto after = request.after.value_or(audit_place{timestamp{end}, end});
  stmt.bind(1, request.from.value_or(timestamp{INT64_MIN}).us());
  stmt.bind(2, request.until.value_or(timestamp{INT64_MAX}).us());
  stmt.bind(3, after.at.us());
  stmt.bind(4, after.number);
  stmt.bind(5, verbs);
  stmt.bind(6, std::int64_t{request.page_size});
  audit_reply reply;
  while (stmt.step()) {
    reply.records.push_back(decode_audit(stmt));
    reply.next = {reply.records.back().at, stmt.integer(audit_column::number)};
  }
  if (std::ssize(reply.records) < request.page_size)
    reply.next.reset();
  return reply;
}

bool check_audit(sqlite::connection& db, const fault_function& fault,
                 const std::function<bool()>& go_on) {
  constexpr std::int64_t acts_between_looks = 4'096;
  auto rows = db.prepare("SELECT " WAYBILL_AUDIT_COLUMNS
                         " FROM audit ORDER BY number");
  for (std::int64_t n = 1; rows.step(); ++n) {
    if (n % acts_between_looks == 0 && !go_on())
      return false;
    check_damage(fault, "audit: ", [&] { decode_audit(rows); });
  }
  return true;
}

} // namespace waybill
