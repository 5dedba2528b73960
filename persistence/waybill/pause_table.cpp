#include "waybill/pause_table.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "waybill/limits.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

std::optional<target_pause> decode_pause(const sqlite::statement& row,
                                         int first) {
  if (row.is_null(first))
    return std::nullopt;
  target_pause x{timestamp{row.integer(first)}, decode_text(row, first + 1),
                 decode_text(row, first + 2)};
  if (x.since < min_timestamp || x.since > max_timestamp || x.who.empty()
      || x.who.size() > limits::max_operator || x.reason.empty()
      || x.reason.size() > limits::max_reason)
    row_is_corrupt("a pause since " + std::to_string(x.since.us())
                   + " that nobody can have asked for");
  return x;
}

void pause_table::load(sqlite::connection& db) {
  now_.clear();
  committed_.reset();
  auto stmt = db.prepare("SELECT number, " WAYBILL_PAUSE_COLUMNS
                         " FROM target_pause");
  while (stmt.step())
    now_.emplace(stmt.integer(0), decode_pause(stmt, 1).value());
  insert_ = db.prepare(
    "INSERT INTO target_pause (number, " WAYBILL_PAUSE_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4)");
  erase_ = db.prepare("DELETE FROM target_pause WHERE number = ?1");
}

void pause_table::close() noexcept {
  insert_ = {};
  erase_ = {};
}

void pause_table::on_commit() noexcept {
  committed_.reset();
}

void pause_table::on_rollback(bool /*unfinished*/) noexcept {
  if (committed_)
    now_ = std::move(*std::exchange(committed_, std::nullopt));
}

const target_pause* pause_table::find(std::int64_t target) const noexcept {
  const auto at = now_.find(target);
  return at == now_.end() ? nullptr : &at->second;
}

std::optional<timestamp>
pause_table::paused_since(std::int64_t target) const noexcept {
  const auto at = committed().find(target);
  return at == committed().end() ? std::nullopt
                                 : std::optional{at->second.since};
}

void pause_table::pause(std::int64_t target, const target_pause& x) {
  if (!committed_)
    committed_ = now_;
  insert_.bind(1, target);
  insert_.bind(2, x.since.us());
  insert_.bind_borrowed(3, std::string_view{x.who});
  insert_.bind_borrowed(4, std::string_view{x.reason});
  ++changes_begun_;
  insert_.run();
  now_.emplace(target, x);
}

void pause_table::resume(std::int64_t target) {
  if (!committed_)
    committed_ = now_;
  erase_.bind(1, target);
  ++changes_begun_;
  erase_.run();
  now_.erase(target);
}

} // namespace waybill
