#include "waybill/store_reader.hpp"

#include <algorithm>
#include <utility>

#include "waybill/answer_size.hpp"
#include "waybill/audit_table.hpp"
#include "waybill/call_reader.hpp"
#include "waybill/call_table.hpp"
#include "waybill/cursor.hpp"
#include "waybill/error_search.hpp"
#include "waybill/operation_finder.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/reader_connection.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/row_filter.hpp"
#include "waybill/row_source.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/status_counters.hpp"
#include "waybill/store_backup.hpp"
#include "waybill/store_check.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_queries.hpp"
#include "waybill/text.hpp"
#include "waybill/tombstone_table.hpp"
#include "waybill/transition_cursor.hpp"
#include "waybill/transition_scan.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

// Ends a search after a while. Looking at the clock costs as much as a row.
class time_limit {
public:
  explicit time_limit(microseconds max_time)
    : end_{steady_clock::now() + max_time} {}

  bool is_over() {
    return ++looks_ % rows_between_looks == 0 && steady_clock::now() >= end_;
  }

private:
  static constexpr int rows_between_looks = 64;

  steady_clock::time_point end_;
  int looks_ = 0;
};

tracking_status_snapshot decode_listed(const sqlite::statement& row, bool full,
                                       const name_table& names) {
  auto x = decode_operation(row, decode_id(row.blob(column::id)), names);
  if (!full && x.last_error)
    x.last_error = truncate_utf8(*x.last_error, limits::summary_error);
  return x;
}

bool is_watched(const transition_scan& at, const watch_transitions& request) {
  const auto among = [](const auto& list, const auto& read) {
    return list.empty() || std::ranges::find(list, read()) != list.end();
  };
  return among(request.statuses, [&] { return at.status(); })
         && among(request.ids, [&] { return at.id(); })
         && among(request.kinds, [&] { return at.kind(); });
}

} // namespace

// The connection, and the statements that are kept ready.
class store_reader::state {
public:
  explicit state(const reader_options& options)
    : connection{options.file, options.cache_bytes, options.vfs},
      cursors_{connection.db()},
      histories_{connection.db()},
      operations_{connection.db()},
      calls_{connection, operations_} {}

  sqlite::connection& db() noexcept { return connection.db(); }
  [[nodiscard]] const name_table& names() const noexcept {
    return connection.names();
  }
  transition_cursors& cursors() noexcept { return cursors_; }
  call_reader& calls() noexcept { return calls_; }

  [[nodiscard]] std::optional<list_place>
  place_after(const list_operations& request) const {
    if (!request.cursor)
      return std::nullopt;
    return parse_cursor(*request.cursor, request, cursors_.store());
  }

  status_reply status_of(const tracked_operation_id& id) {
    status_reply reply;
    operations_.with_row(id, [&](const sqlite::statement& row) {
      reply.snapshot = decode_operation(row, id, names());
    });
    if (!reply.snapshot)
      reply.purged = operations_.find_purged(id);
    return reply;
  }

  history_reply history_of(const tracked_operation_id& id,
                           std::size_t max_bytes = SIZE_MAX) {
    history_reply reply;
    operations_.with_row(id, [&](const sqlite::statement& row) {
      reply = histories_.read(row.integer(column::seq),
                              decode_last(row.integer(column::last_transition)),
                              decode_operation(row, id, names()), names(),
                              max_bytes);
    });
    return reply;
  }

  std::optional<std::string> cursor_at(const list_operations& request,
                                       const tracked_operation_id& id) {
    std::optional<std::string> cursor;
    operations_.with_row(id, [&](const sqlite::statement& row) {
      cursor = to_cursor(row_source::place_of(request, row), request,
                         cursors_.store());
    });
    return cursor;
  }

  list_reply page(const list_operations& request,
                  const std::optional<list_place>& after,
                  microseconds max_time) {
    const row_filter filter{request.filter, names()};
    row_source rows{db(), request, after};
    time_limit time{max_time};
    page_limit page{request.page_size};
    list_reply reply;
    auto place = after;
    while (rows.next()) {
      // A page that is full looks one row further, to tell whether it is the
      // last.
      if (page.is_reached() || time.is_over()) {
        if (place)
          reply.next_cursor = to_cursor(*place, request, cursors_.store());
        break;
      }
      place = rows.place();
      if (filter.fits(rows.row()))
        page.add(reply.operations.emplace_back(
          decode_listed(rows.row(), request.full, names())));
    }
    return reply;
  }

  errors_reply errors(const waybill::list_errors& asked,
                      const list_operations& request,
                      const std::optional<list_place>& after,
                      microseconds max_time) {
    const row_filter filter{request.filter, names()};
    row_source rows{db(), request, after};
    error_search groups{asked.by, names()};
    time_limit time{max_time};
    std::int64_t searched = 0;
    std::optional<timestamp> searched_to;
    std::optional<list_place> stopped_at;
    auto place = after;
    while (rows.next()) {
      // One at least, that each search gets on.
      if (searched > 0 && time.is_over()) {
        stopped_at = place;
        break;
      }
      place = rows.place();
      ++searched;
      searched_to = timestamp{
        place->key != 0 ? place->key : rows.row().integer(column::created_at)};
      if (filter.fits(rows.row()))
        groups.add(rows.row());
    }
    auto reply = groups.take();
    reply.searched = searched;
    reply.searched_to = searched_to;
    if (stopped_at)
      reply.next_cursor = to_cursor(*stopped_at, request, cursors_.store());
    return reply;
  }

  reader_connection connection;

private:
  transition_cursors cursors_;
  history_source histories_;
  operation_finder operations_;
  call_reader calls_;
};

store_reader::store_reader(const reader_options& options)
  : state_{std::make_unique<state>(options)} {}

store_reader::store_reader(const std::string& file)
  : store_reader{[&] {
      reader_options x;
      x.file = file;
      return x;
    }()} {}

store_reader::~store_reader() = default;
store_reader::store_reader(store_reader&&) noexcept = default;
store_reader& store_reader::operator=(store_reader&&) noexcept = default;

status_reply store_reader::get_status(const waybill::get_status& request) {
  require_valid(request);
  return state_->connection.at_one_moment(
    [&] { return state_->status_of(request.id); });
}

std::vector<status_reply>
store_reader::get_statuses(const std::vector<tracked_operation_id>& ids) {
  return state_->connection.at_one_moment([&] {
    std::vector<status_reply> replies;
    replies.reserve(ids.size());
    for (const auto& id : ids)
      replies.push_back(state_->status_of(id));
    return replies;
  });
}

call_reply store_reader::get_call(const waybill::get_call& request) {
  return state_->calls().get_call(request);
}

std::vector<call_reply>
store_reader::get_calls(const std::vector<tracked_operation_id>& ids) {
  return state_->calls().get_calls(ids);
}

payload_reply store_reader::get_payload(const waybill::get_payload& request) {
  return state_->calls().get_payload(request);
}

targets_reply store_reader::list_targets(const waybill::list_targets& request,
                                         timestamp now) {
  return state_->calls().list_targets(request, now);
}

audit_reply store_reader::list_audit(const waybill::list_audit& request) {
  require_valid(request);
  return state_->connection.at_one_moment(
    [&] { return read_audit(state_->db(), request); });
}

std::vector<tracked_operation_id>
store_reader::ids_between(const tracked_operation_id& first,
                          const tracked_operation_id& last, std::int64_t most) {
  return state_->connection.at_one_moment([&] {
    auto stmt = state_->db().prepare(
      "SELECT id FROM operation WHERE id BETWEEN ?1 AND ?2 ORDER BY id "
      "LIMIT ?3");
    const auto begin = encode_id(first);
    const auto end = encode_id(last);
    stmt.bind_borrowed(1, begin);
    stmt.bind_borrowed(2, end);
    stmt.bind(3, most);
    std::vector<tracked_operation_id> ids;
    while (stmt.step())
      ids.push_back(decode_id(stmt.blob(0)));
    return ids;
  });
}

list_reply store_reader::list(const list_operations& request,
                              microseconds max_time) {
  require_valid(request);
  const auto after = state_->place_after(request);
  return state_->connection.at_one_moment(
    [&] { return state_->page(request, after, max_time); });
}

std::optional<std::string>
store_reader::cursor_at(const list_operations& request,
                        const tracked_operation_id& id) {
  require_valid(request);
  return state_->connection.at_one_moment(
    [&] { return state_->cursor_at(request, id); });
}

errors_reply store_reader::list_errors(const waybill::list_errors& request,
                                       microseconds max_time) {
  const auto rows = to_list(request);
  require_valid(rows);
  const auto after = state_->place_after(rows);
  return state_->connection.at_one_moment(
    [&] { return state_->errors(request, rows, after, max_time); });
}

record_page store_reader::list_records(const list_operations& request,
                                       microseconds max_time) {
  require_valid(request);
  const auto after = state_->place_after(request);
  return state_->connection.at_one_moment([&] {
    auto page = state_->page(request, after, max_time);
    record_page reply;
    reply.next_cursor = std::move(page.next_cursor);
    reply.records.reserve(page.operations.size());
    for (const auto& each : page.operations) {
      auto history = state_->history_of(each.id);
      if (history.snapshot)
        reply.records.push_back(
          {std::move(*history.snapshot), std::move(history.transitions)});
    }
    return reply;
  });
}

history_reply store_reader::get_history(const waybill::get_history& request,
                                        std::size_t max_bytes) {
  require_valid(request);
  return state_->connection.at_one_moment(
    [&] { return state_->history_of(request.id, max_bytes); });
}

watch_reply store_reader::read_transitions(const watch_transitions& request,
                                           microseconds max_time) {
  bool more = false;
  return read_transitions(request, max_time, more);
}

watch_reply store_reader::read_transitions(const watch_transitions& request,
                                           microseconds max_time, bool& more) {
  require_valid(request);
  more = false;
  return state_->connection.at_one_moment([&] {
    auto& db = state_->db();
    watch_reply reply;
    const auto last = last_transition(db);
    auto& cursors = state_->cursors();
    if (!request.after) {
      reply.next = cursors.at(last);
      return reply;
    }
    const auto after = cursors.number_of(*request.after, last);
    auto next = last;
    transition_scan scan{db, state_->names(), after};
    time_limit time{max_time};
    page_limit page{request.page_size};
    auto looked_at = after;
    while (scan.next()) {
      if (page.is_reached() || time.is_over()) {
        next = looked_at;
        more = true;
        break;
      }
      looked_at = scan.number();
      if (is_watched(scan, request))
        page.add(reply.transitions.emplace_back(scan.decode()));
    }
    const auto missing_to
      = std::min(db.query_int("SELECT missing_to FROM store"), next);
    if (missing_to > after)
      reply.gap = transition_gap{after + 1, missing_to};
    reply.next = cursors.at(next);
    return reply;
  });
}

std::int64_t store_reader::last_transition_number() {
  return state_->connection.at_one_moment(
    [&] { return last_transition(state_->db()); });
}

std::string store_reader::cursor_of(std::int64_t number) {
  return state_->connection.at_one_moment(
    [&] { return state_->cursors().at(number); });
}

counts_reply store_reader::get_counts(timestamp now) {
  return state_->connection.at_one_moment([&] {
    auto& db = state_->db();
    status_counters counters;
    counters.read(db);
    auto reply = counters.snapshot(state_->names());
    read_ages(db, now, reply);
    return reply;
  });
}

std::vector<minute_total> store_reader::minute_totals(timestamp from) {
  return state_->connection.at_one_moment(
    [&] { return read_minute_totals(state_->db(), from); });
}

std::int64_t store_reader::count_due(const purge_terminal& request,
                                     const progress_function& progress) {
  require_valid(request);
  return state_->connection.at_one_moment([&] {
    auto stmt = state_->db().prepare(
      "SELECT updated_at FROM operation WHERE status >= 2 AND status = ?1 "
      "AND updated_at < ?2 AND updated_at >= ?3 AND (?4 IS NULL OR "
      "EXISTS (SELECT 1 FROM call WHERE call.seq = operation.seq) = ?4)");
    std::int64_t due = 0;
    for (int i = 0; i < num_tracking_statuses; ++i) {
      const auto status = static_cast<tracking_status>(i);
      if (!is_terminal(status) || (request.status && *request.status != status)
          || (request.with_payload && !call_table::keeps(status)))
        continue;
      stmt.bind(1, i);
      stmt.bind(2, request.older_than.us());
      stmt.bind(3, request.not_before.value_or(min_timestamp).us());
      if (call_table::keeps(status))
        stmt.bind(4, request.with_payload ? 1 : 0);
      else
        stmt.bind_null(4);
      const sqlite::reset_guard guard{stmt};
      while (stmt.step())
        if (++due % 65'536 == 0 && progress && !progress(due, 0))
          return due;
    }
    return due;
  });
}

bool store_reader::keeps_history() {
  return state_->db().query_int("SELECT missing_to FROM store") != INT64_MAX;
}

bool store_reader::has_changed() {
  return state_->connection.has_changed();
}

store_size store_reader::size() {
  return state_->connection.at_one_moment([&] {
    auto x = size_of(state_->db());
    x.log_bytes = bytes_of_log(state_->connection.file());
    return x;
  });
}

tombstone_sums store_reader::tombstones() {
  return state_->connection.at_one_moment(
    [&] { return tombstones_in(state_->db()); });
}

std::string store_reader::schema() {
  std::string all;
  auto stmt = state_->db().prepare(
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
  while (stmt.step())
    all += std::string{stmt.text(0)} + ";\n";
  return all;
}

std::optional<check_report>
store_reader::check(const progress_function& progress) {
  return state_->connection.at_one_moment(
    [&] { return check_store(state_->db(), state_->names(), progress); });
}

bool store_reader::backup(const std::string& file,
                          const progress_function& progress) {
  const auto name = canonical_store_path(file);
  if (name == state_->connection.file())
    throw store_error{errc::store_unavailable, name + ": is the store itself"};
  unfinished_copy copy{name};
  // The copying is taken for a third of the work.
  const auto is_copied = state_->connection.at_one_moment([&] {
    return copy.write(state_->db(), state_->connection.base_vfs(),
                      [&](std::int64_t done, std::int64_t total) {
                        return !progress || progress(done, 3 * total);
                      });
  });
  if (!is_copied)
    return false;
  {
    store_reader copied{copy.part()};
    const auto report
      = copied.check([&](std::int64_t done, std::int64_t total) {
          return !progress || progress(total / 2 + done, total / 2 + total);
        });
    if (!report)
      return false;
    if (!report->faults.empty())
      throw store_error{errc::store_corrupt,
                        "the copy is not sound, and was removed: "
                          + report->faults.front()};
  }
  copy.finish();
  return true;
}

} // namespace waybill
