#include "waybill/transition_scan.hpp"

#include <algorithm>
#include <utility>

#include "waybill/answer_size.hpp"
#include "waybill/operation_row.hpp"

namespace waybill {

namespace {

// Rows of `transition`, each beside its operation's; a condition on `number`
// comes between the two.
#define WAYBILL_SELECT_STEPS                                                   \
  "SELECT " WAYBILL_OPERATION_COLUMNS                                          \
  ", number, previous, own_status, own_retry_count, own_at, "                  \
  "own_http_status, own_last_error "                                           \
  "FROM (SELECT number, previous, operation AS owner, status AS own_status, "  \
  "retry_count AS own_retry_count, at AS own_at, "                             \
  "http_status AS own_http_status, last_error AS own_last_error "              \
  "FROM transition WHERE number "
#define WAYBILL_WITH_OPERATIONS ") CROSS JOIN operation ON seq = owner "

namespace place {
constexpr int number = column::count;
constexpr int previous = column::count + 1;
constexpr int own_status = column::count + 2;
constexpr int own_retry_count = column::count + 3;
constexpr int own_at = column::count + 4;
constexpr int own_http_status = column::count + 5;
constexpr int own_last_error = column::count + 6;
} // namespace place

// That a payload was let go of is no transition, though it has a row.
#define WAYBILL_IS_TRANSITION " AND (status IS NOT NULL OR at IS NULL)"

bool is_release(const sqlite::statement& row) {
  return row.is_null(place::own_status) && !row.is_null(place::own_at);
}

payload_discard decode_release(const sqlite::statement& row) {
  payload_discard x;
  x.at = timestamp{row.integer(place::own_at)};
  if (!row.is_null(place::own_last_error))
    x.reason = decode_text(row, place::own_last_error);
  return x;
}

// What finished an operation has no columns of its own: its row says the same.
bool has_finished(const sqlite::statement& row) {
  return row.is_null(place::own_status);
}

tracking_status status_of(const sqlite::statement& row) {
  return decode_status(
    row.integer(has_finished(row) ? column::status : place::own_status));
}

transition decode_step(const sqlite::statement& row, const name_table& names) {
  const auto at = [&row](int of_operation, int own) {
    return has_finished(row) ? of_operation : own;
  };
  const auto error = at(column::last_error, place::own_last_error);
  transition x;
  x.number = row.integer(place::number);
  x.id = decode_id(row.blob(column::id));
  x.kind = decode_name(row, column::kind, names);
  x.status = status_of(row);
  x.retry_count
    = decode_retry_count(row, at(column::retry_count, place::own_retry_count));
  x.at = timestamp{row.integer(at(column::updated_at, place::own_at))};
  x.http_status
    = decode_http_status(row, at(column::http_status, place::own_http_status));
  if (!row.is_null(error))
    x.last_error = decode_text(row, error);
  return x;
}

// What recorded an operation.
transition first_step(std::int64_t seq, const tracked_operation_id& id,
                      std::string kind, timestamp created_at) {
  transition x;
  x.number = seq;
  x.id = id;
  x.kind = std::move(kind);
  x.at = created_at;
  return x;
}

} // namespace

transition_scan::transition_scan(sqlite::connection& db,
                                 const name_table& names, std::int64_t after)
  : names_{names},
    recorded_{db.prepare("SELECT seq, id, kind, created_at FROM operation "
                         "WHERE seq > ?1 ORDER BY seq")},
    steps_{db.prepare(WAYBILL_SELECT_STEPS
                      "> ?1" WAYBILL_IS_TRANSITION WAYBILL_WITH_OPERATIONS
                      "ORDER BY number")} {
  recorded_.bind(1, after);
  steps_.bind(1, after);
  has_recorded_ = recorded_.step();
  has_step_ = steps_.step();
}

bool transition_scan::next() {
  if (begun_ && at_recorded_)
    has_recorded_ = recorded_.step();
  else if (begun_)
    has_step_ = steps_.step();
  begun_ = true;
  at_recorded_ = has_recorded_
                 && (!has_step_
                     || recorded_.integer(0) < steps_.integer(place::number));
  return has_recorded_ || has_step_;
}

std::int64_t transition_scan::number() const {
  return at_recorded_ ? recorded_.integer(0) : steps_.integer(place::number);
}

tracked_operation_id transition_scan::id() const {
  return decode_id(at_recorded_ ? recorded_.blob(1) : steps_.blob(column::id));
}

std::string transition_scan::kind() const {
  return at_recorded_ ? decode_name(recorded_, 2, names_)
                      : decode_name(steps_, column::kind, names_);
}

tracking_status transition_scan::status() const {
  return at_recorded_ ? tracking_status::submitted : status_of(steps_);
}

transition transition_scan::decode() const {
  return at_recorded_
           ? first_step(number(), id(), kind(), timestamp{recorded_.integer(3)})
           : decode_step(steps_, names_);
}

history_source::history_source(sqlite::connection& db)
  : step_{db.prepare(WAYBILL_SELECT_STEPS "= ?1" WAYBILL_WITH_OPERATIONS)},
    off_to_{db.prepare("SELECT off_to FROM store")} {}

history_reply history_source::read(std::int64_t seq, std::int64_t last,
                                   tracking_status_snapshot now,
                                   const name_table& names,
                                   std::size_t max_bytes) {
  history_reply reply;
  auto bytes = bytes_of(now);
  for (auto number = last; number != 0;) {
    step_.bind(1, number);
    const sqlite::reset_guard guard{step_};
    if (bytes >= max_bytes || !step_.step()) {
      reply.complete = false;
      break;
    }
    if (step_.integer(column::seq) != seq)
      row_is_corrupt("a transition of another operation");
    if (is_release(step_)) {
      reply.payload_discarded = decode_release(step_);
      bytes += reply.payload_discarded->reason.value_or("").size();
    } else {
      bytes
        += bytes_of(reply.transitions.emplace_back(decode_step(step_, names)));
    }
    // Numbers only fall; a damaged file must not lead in a circle.
    const auto previous = step_.integer(place::previous);
    if (previous >= number)
      row_is_corrupt("a transition before itself");
    number = previous;
  }
  reply.transitions.push_back(
    first_step(seq, now.id, now.kind, now.created_at));
  std::ranges::reverse(reply.transitions);
  // What happened while the history was off has left no trace.
  const sqlite::reset_guard guard{off_to_};
  const auto off_to = off_to_.step() ? off_to_.integer(0) : 0;
  const auto& shown = reply.transitions.back();
  if (seq <= off_to || shown.status != now.status
      || shown.retry_count != now.retry_count)
    reply.complete = false;
  reply.snapshot = std::move(now);
  return reply;
}

} // namespace waybill
