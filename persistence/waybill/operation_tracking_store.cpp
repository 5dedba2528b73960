#include "waybill/operation_tracking_store.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "waybill/call_store.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/operation_step.hpp"
#include "waybill/purge_failure.hpp"
#include "waybill/purge_step.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/store_opening.hpp"
#include "waybill/store_parts.hpp"
#include "waybill/store_queries.hpp"

namespace waybill {

namespace {

constexpr std::int64_t probed_pages = 16;
constexpr std::int64_t spare_pages = 1'024; // that stay in the file, if unused

// Takes an operation in flight to its next state, or leaves it where it is.
template <class Report>
update_reply update(store_parts& x, const Report& report, timestamp now) {
  return x.write([&] {
    auto row = x.operations.find(report.id);
    if (!row)
      return update_reply{update_outcome::not_found};
    if (is_terminal(row->status)) {
      if (report.status == tracking_status::discarded)
        release_payload(x, report.id, *row, report.last_error, now);
      return update_reply{update_outcome::already_terminal};
    }
    operation_report said{.status = report.status,
                          .retry_count = std::nullopt,
                          .http_status = report.http_status,
                          .last_error = report.last_error};
    if constexpr (requires { report.retry_count; }) {
      if (report.retry_count < row->retry_count)
        return update_reply{update_outcome::applied}; // by an earlier try
      said.retry_count = report.retry_count;
    }
    auto call = is_terminal(report.status) && x.calls.has_any()
                  ? x.calls.find(row->seq)
                  : std::nullopt;
    said.ends_call = call.has_value();
    step_operation(x, report.id, *row, said, now);
    if (call)
      x.calls.settle(*call, report.status);
    return update_reply{update_outcome::applied};
  });
}

// The first one is the row itself; the others get the numbers after it.
void restore_transitions(store_parts& x, const operation_record& record,
                         std::int64_t seq) {
  transition_chain chain;
  for (const auto& each : record.transitions) {
    if (&each == &record.transitions.front())
      continue;
    const stored_error error{each.last_error, x.options.last_error_cap};
    x.transitions.append(x.transitions.next_number(), seq, chain,
                         {each.status, each.retry_count, each.at,
                          each.http_status, error.text()});
  }
}

} // namespace

operation_tracking_store::operation_tracking_store(store_options options)
  : parts_{std::make_unique<store_parts>(std::move(options))} {}

operation_tracking_store::~operation_tracking_store() = default;

operation_tracking_store::operation_tracking_store(
  operation_tracking_store&&) noexcept = default;

operation_tracking_store& operation_tracking_store::operator=(
  operation_tracking_store&&) noexcept = default;

// -- the contract -------------------------------------------------------------

enqueue_reply
operation_tracking_store::record_enqueue(const waybill::record_enqueue& request,
                                         timestamp now) {
  require_acceptable(request, now);
  require_storable(now);
  auto& x = *parts_;
  return x.write([&] {
    if (x.options.duplicates_of == duplicate_scope::all
        && x.tombstones.find(request.id))
      return enqueue_reply{enqueue_outcome::duplicate};
    const auto is_new = record_operation(x, request, now).has_value();
    return enqueue_reply{is_new ? enqueue_outcome::inserted
                                : enqueue_outcome::duplicate};
  });
}

update_reply
operation_tracking_store::record_attempt(const waybill::record_attempt& request,
                                         timestamp now) {
  require_acceptable(request, now);
  require_storable(now);
  return update(*parts_, request, now);
}

update_reply operation_tracking_store::record_terminal(
  const waybill::record_terminal& request, timestamp now) {
  require_acceptable(request, now);
  require_storable(now);
  return update(*parts_, request, now);
}

status_reply
operation_tracking_store::get_status(const waybill::get_status& request,
                                     timestamp now) {
  require_acceptable(request, now);
  auto& x = *parts_;
  return x.read([&] {
    status_reply reply{x.operations.read(request.id)};
    if (!reply.snapshot)
      reply.purged = x.tombstones.find(request.id);
    return reply;
  });
}

purge_reply
operation_tracking_store::purge_terminal(const waybill::purge_terminal& request,
                                         timestamp now) {
  constexpr std::int64_t chunk_rows = 512;
  constexpr auto chunk_time = std::chrono::milliseconds{50};
  auto all = request;
  make_one(all.act);
  purge_reply reply;
  try {
    for (;;) {
      const auto step = purge_chunk(all, now, chunk_rows, chunk_time);
      reply.deleted += step.deleted;
      if (step.finished)
        return reply;
    }
  } catch (const store_error& e) {
    throw purge_failure(reply.deleted, e);
  }
}

enqueue_reply
operation_tracking_store::restore(const operation_record& record) {
  require_valid(record);
  auto& x = *parts_;
  return x.write([&] {
    const auto& snapshot = record.snapshot;
    x.make_room_for_kind(snapshot.kind);
    const auto seq = x.transitions.next_number();
    const auto others = x.transitions.is_on() && !record.transitions.empty()
                          ? std::ssize(record.transitions) - 1
                          : 0;
    const stored_error error{snapshot.last_error, x.options.last_error_cap};
    const auto kind = x.operations.insert(snapshot, error.text(), seq,
                                          others == 0 ? 0 : seq + others);
    if (!kind)
      return enqueue_reply{enqueue_outcome::duplicate};
    x.counters.add(*kind, snapshot.status, 1);
    x.in_flight.add(seq, snapshot.status, 1);
    if (others > 0)
      restore_transitions(x, record, seq);
    return enqueue_reply{enqueue_outcome::inserted};
  });
}

// -- calls --------------------------------------------------------------------

call_store operation_tracking_store::calls() noexcept {
  return call_store{*parts_};
}

// -- transactions -------------------------------------------------------------

void operation_tracking_store::begin() {
  parts_->begin();
}

void operation_tracking_store::commit() {
  parts_->commit();
}

bool operation_tracking_store::begin_commit(std::function<void()> on_synced) {
  return parts_->begin_commit(std::move(on_synced));
}

bool operation_tracking_store::sync_has_ended() const {
  return parts_->transaction.sync_has_ended();
}

std::chrono::steady_clock::time_point
operation_tracking_store::finish_commit() {
  const auto was_begun = parts_->transaction.is_unfinished();
  const auto ended = parts_->transaction.finish_commit();
  if (was_begun)
    parts_->confirm_commit();
  return ended;
}

bool operation_tracking_store::has_written() const noexcept {
  return parts_->transaction.has_written();
}

void operation_tracking_store::rollback() noexcept {
  parts_->transaction.rollback();
}

bool operation_tracking_store::in_transaction() const noexcept {
  return parts_->transaction.is_open();
}

bool operation_tracking_store::may_be_undone(
  const tracked_operation_id& id) const noexcept {
  return parts_->transaction.is_undoable()
         && parts_->operations.may_have_changed(id);
}

// -- care ---------------------------------------------------------------------

purge_progress
operation_tracking_store::purge_chunk(const waybill::purge_terminal& request,
                                      timestamp now, std::int64_t max_rows,
                                      std::chrono::microseconds max_time) {
  require_acceptable(request, now);
  if (request.act)
    require_storable(now);
  // SQLite takes a negative limit for none.
  require_positive("max_rows", max_rows);
  auto& x = *parts_;
  const auto run = [&](std::int64_t rows) {
    return x.write([&] { return purge_step(x, request, now, rows, max_time); });
  };
  return x.transaction.is_begun() ? run(max_rows) : x.free_space(max_rows, run);
}

counts_reply operation_tracking_store::get_counts(timestamp now) {
  auto& x = *parts_;
  return x.read([&] {
    auto reply = x.counters.snapshot(x.names);
    read_ages(x.db, now, reply, x.in_flight);
    return reply;
  });
}

std::optional<timestamp>
operation_tracking_store::oldest_finished(tracking_status status) {
  return parts_->read(
    [&] { return waybill::oldest_finished(parts_->db, status); });
}

remembered_times operation_tracking_store::remembered() {
  return parts_->read([&] {
    remembered_times x;
    x.latest = latest_time(parts_->db);
    for (std::size_t i = 0; i < terminal_statuses.size(); ++i)
      x.oldest_finished.at(i)
        = waybill::oldest_finished(parts_->db, terminal_statuses.at(i));
    x.oldest_purged = first_purge_in(parts_->db);
    return x;
  });
}

store_size operation_tracking_store::size() {
  return parts_->read([&] {
    auto x = size_of(parts_->db);
    x.log_bytes = wal_bytes();
    return x;
  });
}

void operation_tracking_store::probe_write() {
  auto& x = *parts_;
  x.require_usable();
  const sqlite::no_lock_wait guard{x.db};
  x.write([&] {
    write_own(x.db);
    x.transaction.require_room(probed_pages); // as requests would
    return true;
  });
}

void operation_tracking_store::maintain() {
  auto& x = *parts_;
  const auto has_failed = x.log.failure() && x.is_usable()
                          && !x.transaction.is_open();
  if (has_failed || x.checkpoint_is_due())
    x.copy_log();
}

bool operation_tracking_store::checkpoint_is_due() const noexcept {
  return parts_->checkpoint_is_due();
}

bool operation_tracking_store::write_totals(bool at_once) {
  auto& x = *parts_;
  auto& minutes = x.counters.minutes();
  if (at_once && minutes.has_rest() && x.is_usable()
      && !x.transaction.is_undoable())
    x.write([&] { return minutes.wants_rest(); });
  return minutes.has_rest();
}

bool operation_tracking_store::give_back_space(int max_pages, bool keep_some) {
  require_positive("max_pages", max_pages);
  auto& x = *parts_;
  return x.read([&] {
    std::optional<std::int64_t> keep;
    if (keep_some)
      keep = x.space.is_short() ? 0 : spare_pages;
    const auto more = x.free_space(max_pages, [&](std::int64_t pages) {
      return x.give_back_space(pages, keep);
    });
    if (!more && x.space.is_short()) {
      x.log.cut();
      x.ownership.reserve_space();
      x.space.note_given_back();
    }
    x.files.database_written();
    x.settle_log_space();
    return more;
  });
}

std::int64_t operation_tracking_store::wal_bytes() const noexcept {
  return parts_->log.bytes();
}

bool operation_tracking_store::log_is_held() const noexcept {
  return parts_->log.is_held();
}

bool operation_tracking_store::log_is_overgrown() const noexcept {
  return parts_->log.is_overgrown();
}

const std::optional<std::string>&
operation_tracking_store::checkpoint_failure() const noexcept {
  return parts_->log.failure();
}

void operation_tracking_store::condemn(const store_error& found) {
  parts_->damage.note(found);
}

void operation_tracking_store::check_files() {
  if (!needs_recovery())
    parts_->check_files();
}

bool operation_tracking_store::needs_recovery() const noexcept {
  return !parts_->transaction.is_usable();
}

void operation_tracking_store::recover() {
  parts_->damage.require_none();
  parts_->transaction.rollback();
  parts_->close_database();
  parts_->open();
}

std::optional<std::string> operation_tracking_store::close() noexcept {
  return parts_->close();
}

const store_options& operation_tracking_store::options() const noexcept {
  return parts_->options;
}

} // namespace waybill
