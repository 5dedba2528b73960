#include "waybill/transition_log.hpp"

#include <algorithm>
#include <string>

#include "waybill/store_error.hpp"
#include "waybill/store_queries.hpp"
#include "waybill/transition_cursor.hpp"

namespace waybill {

void transition_log::load(sqlite::connection& db) {
  last_number_ = last_transition(db);
  if (last_number_ < 0 || last_number_ > max_transition_number)
    throw store_error{errc::store_corrupt, "the last transition has the number "
                                             + std::to_string(last_number_)};
  append_ = db.prepare(
    "INSERT INTO transition (number, operation, previous, nth, status, "
    "retry_count, at, http_status, last_error) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  find_ = db.prepare("SELECT previous, nth FROM transition WHERE number = ?1");
  delete_
    = db.prepare("DELETE FROM transition WHERE number = ?1 RETURNING previous");
  save_ = db.prepare("UPDATE store SET last_number = max(last_number, ?1), "
                     "missing_to = max(missing_to, ?2)");
  forget_epochs_ = db.prepare(
    "DELETE FROM epoch WHERE first >= ?1 OR first < (SELECT first FROM epoch "
    "ORDER BY first DESC LIMIT 1 OFFSET ?2)");
  add_epoch_ = db.prepare("INSERT INTO epoch (first, mark) VALUES (?1, ?2)");
  // The same owner may have opened the file again after an error.
  in_epoch_ = epoch_mark_ != 0
              && db.query_int("SELECT mark FROM epoch ORDER BY first DESC "
                              "LIMIT 1")
                   == epoch_mark_;
  on_commit();
}

void transition_log::mark_switch(sqlite::connection& db) {
  const auto was_off = db.query_int("SELECT missing_to FROM store")
                       == INT64_MAX;
  if (was_off == !is_on())
    return;
  const auto number = std::to_string(next_number());
  const auto set = was_off ? "missing_to = " + number + ", off_to = " + number
                           : "missing_to = " + std::to_string(INT64_MAX);
  db.exec(("UPDATE store SET last_number = " + number + ", " + set).c_str());
  on_commit();
}

void transition_log::bind_place(std::int64_t number, std::int64_t operation,
                                transition_chain& chain) {
  if (chain.length < 0)
    chain.length = find_length(chain.last);
  append_.bind(1, number);
  append_.bind(2, operation);
  append_.bind(3, chain.last);
  append_.bind(4, chain.length + 1);
  for (const auto at : {5, 6, 7, 8, 9})
    append_.bind_null(at);
}

void transition_log::append(std::int64_t number, std::int64_t operation,
                            transition_chain& chain, const step& x) {
  bind_place(number, operation, chain);
  if (!is_terminal(x.status)) {
    append_.bind(5, static_cast<std::int64_t>(x.status));
    append_.bind(6, x.retry_count);
    append_.bind(7, x.at.us());
    if (x.http_status)
      append_.bind(8, *x.http_status);
    if (x.last_error)
      append_.bind_borrowed(9, *x.last_error);
  }
  run_append(number, chain);
}

void transition_log::append_release(
  std::int64_t number, std::int64_t operation, transition_chain& chain,
  timestamp at, const std::optional<std::string_view>& reason) {
  bind_place(number, operation, chain);
  append_.bind(7, at.us());
  if (reason)
    append_.bind_borrowed(9, *reason);
  run_append(number, chain);
}

void transition_log::run_append(std::int64_t number, transition_chain& chain) {
  append_.run();
  chain.extend(number);
  // By the dozen, so that it costs little a transition.
  if (chain.length >= 2 * keep_ && chain.length % keep_ == 0)
    take_old_ones(number);
}

std::int32_t transition_log::find_length(std::int64_t last) {
  find_.bind(1, last);
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    return 0;
  const auto nth = find_.integer(1);
  if (nth < 1 || nth > max_nth_transition)
    throw store_error{errc::store_corrupt,
                      "transition " + std::to_string(last) + " is number "
                        + std::to_string(nth) + " of its operation"};
  return static_cast<std::int32_t>(nth);
}

void transition_log::take_old_ones(std::int64_t last) {
  auto number = last;
  for (std::int32_t kept = 0; kept < keep_ && number != 0; ++kept) {
    find_.bind(1, number);
    const sqlite::reset_guard guard{find_};
    number = find_.step() ? find_.integer(0) : 0;
  }
  remove_chain(number);
}

void transition_log::remove(std::int64_t operation, std::int64_t last) {
  is_missing(operation);
  remove_chain(last);
}

void transition_log::remove_chain(std::int64_t number) {
  while (number != 0) {
    is_missing(number);
    delete_.bind(1, number);
    const sqlite::reset_guard guard{delete_};
    // What is not there had been taken away before, as an old one.
    const auto before = delete_.step() ? delete_.integer(0) : 0;
    // Numbers only fall; a damaged file must not lead in a circle.
    if (before >= number)
      throw store_error{errc::store_corrupt, "transition "
                                               + std::to_string(number)
                                               + " has a later one before it"};
    number = before;
  }
}

void transition_log::is_missing(std::int64_t number) noexcept {
  missing_to_ = std::max(missing_to_, number);
}

// Numbers that an earlier opening has given, and not committed, are given
// again: an epoch that begins there has none.
void transition_log::begin_epoch() {
  if (epoch_mark_ == 0)
    sqlite3_randomness(sizeof epoch_mark_, &epoch_mark_);
  const auto first = committed_last_number_ + 1;
  forget_epochs_.bind(1, first);
  forget_epochs_.bind(2, max_epochs - 2); // one is added
  forget_epochs_.run();
  add_epoch_.bind(1, first);
  add_epoch_.bind(2, epoch_mark_);
  add_epoch_.run();
  in_epoch_ = true;
}

void transition_log::flush() {
  if (!in_epoch_ && last_number_ > committed_last_number_)
    begin_epoch();
  if (missing_to_ == 0)
    return;
  save_.bind(1, last_number_);
  save_.bind(2, missing_to_);
  save_.run();
}

void transition_log::on_commit() noexcept {
  committed_last_number_ = last_number_;
  committed_in_epoch_ = in_epoch_;
  missing_to_ = 0;
}

void transition_log::on_rollback(bool /*unfinished*/) noexcept {
  last_number_ = committed_last_number_;
  in_epoch_ = committed_in_epoch_;
  missing_to_ = 0;
}

void transition_log::close() noexcept {
  for (auto* const stmt :
       {&append_, &find_, &delete_, &save_, &forget_epochs_, &add_epoch_})
    *stmt = {};
}

} // namespace waybill
