#include "waybill/call_source.hpp"

#include <algorithm>
#include <utility>

#include "waybill/call_bounds.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/pause_table.hpp"
#include "waybill/target_table.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

// Behind WAYBILL_TARGET_COLUMNS, and behind those of the bounds.
constexpr int first_bound = 6;
constexpr int pause_columns = 10;

target_snapshot to_snapshot(target_row x,
                            const std::optional<target_bounds>& bounds,
                            std::optional<target_pause> pause) {
  target_snapshot target;
  if (pause) {
    target.paused_since = pause->since;
    target.paused_by = std::move(pause->who);
    target.pause_reason = std::move(pause->reason);
  }
  if (bounds) {
    target.max_calls = bounds->max_calls;
    target.max_bytes = bounds->max_bytes;
    target.max_kept_calls = bounds->max_kept_calls;
    target.max_kept_bytes = bounds->max_kept_bytes;
    // No payload is smaller but the empty one.
    target.full = find_full(x.name, x.sums, *bounds, 1);
  }
  target.name = std::move(x.name);
  target.calls = x.sums.active.calls;
  target.bytes = x.sums.active.bytes;
  target.kept_calls = x.sums.kept.calls;
  target.kept_bytes = x.sums.kept.bytes;
  return target;
}

} // namespace

call_source::call_source(sqlite::connection& db)
  : find_{db.prepare("SELECT " WAYBILL_CALL_COLUMNS
                     " FROM call WHERE seq = ?1")},
    payload_{db.prepare(WAYBILL_SELECT_PAYLOAD)},
    link_{db.prepare("SELECT " WAYBILL_REQUEUE_COLUMNS
                     " FROM requeue WHERE successor = ?1")},
    predecessor_{db.prepare("SELECT id FROM operation WHERE seq = ?1")},
    successor_{db.prepare("SELECT id FROM requeue JOIN operation "
                          "ON seq = successor WHERE predecessor = ?1")},
    purged_successor_{
      db.prepare("SELECT id FROM purged_successor WHERE predecessor = ?1")},
    name_{db.prepare("SELECT name FROM target WHERE number = ?1")},
    targets_{db.prepare("SELECT " WAYBILL_TARGET_COLUMNS
                        ", " WAYBILL_BOUNDS_COLUMNS ", " WAYBILL_PAUSE_COLUMNS
                        " FROM target LEFT JOIN target_bounds USING (number) "
                        "LEFT JOIN target_pause USING (number) "
                        "ORDER BY number")},
    begun_{
      db.prepare("SELECT count(*) FROM call WHERE target = ?1 AND state = 1")},
    scheduled_{db.prepare("SELECT count(*), min(due) FROM call "
                          "WHERE target = ?1 AND state = 0 "
                          "AND due IS NOT NULL AND due > ?2")},
    on_their_way_{
      db.prepare("SELECT seq, target FROM call WHERE state <> 2 ORDER BY seq")},
    recorded_{db.prepare("SELECT created_at FROM operation WHERE seq = ?1")} {}

std::optional<call_row> call_source::find(std::int64_t seq) {
  find_.bind(1, seq);
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    return std::nullopt;
  return decode_call(find_);
}

std::optional<call_snapshot> call_source::describe(std::int64_t seq) {
  auto row = find(seq);
  if (!row)
    return std::nullopt;
  return call_snapshot{.target = name_of(row->target),
                       .state = row->state,
                       .attempt = row->attempt,
                       .interruptions = row->interruptions,
                       .due = row->due,
                       .expires = row->expires,
                       .priority = row->priority,
                       .order_key = std::move(row->order_key),
                       .root = row->root,
                       .bytes = row->bytes};
}

std::optional<requeue_row> call_source::find_link(std::int64_t successor) {
  link_.bind(1, successor);
  const sqlite::reset_guard guard{link_};
  return link_.step() ? std::optional{decode_requeue(link_)} : std::nullopt;
}

stored_payload call_source::payload_of(const call_row& x) {
  const auto link = x.root ? find_link(x.seq) : std::nullopt;
  return read_payload(payload_, x, payload_number(x, link));
}

std::optional<requeue_link>
call_source::link_of(std::int64_t seq, const tracked_operation_id& id) {
  requeue_link x;
  if (const auto row = find_link(seq)) {
    x.generation = row->generation;
    x.root = row->root;
    if (row->predecessor)
      x.requeue_of = id_in(predecessor_, *row->predecessor);
  }
  x.requeued_as = id_in(successor_, seq);
  if (!x.requeued_as)
    x.requeued_as = id_in(purged_successor_, seq);
  if (!x.root && x.requeued_as)
    x.root = id;
  return x.root ? std::optional{x} : std::nullopt;
}

std::optional<tracked_operation_id> call_source::id_in(sqlite::statement& found,
                                                       std::int64_t seq) {
  found.bind(1, seq);
  const sqlite::reset_guard guard{found};
  if (!found.step())
    return std::nullopt;
  return decode_id(found.blob(0));
}

std::string call_source::name_of(std::int64_t target) {
  name_.bind(1, target);
  const sqlite::reset_guard guard{name_};
  if (!name_.step())
    row_is_corrupt("a call for target " + std::to_string(target)
                   + ", which there is not");
  return decode_text(name_, 0);
}

std::vector<target_snapshot> call_source::targets(timestamp now) {
  std::vector<target_snapshot> all;
  const sqlite::reset_guard guard{targets_};
  while (targets_.step()) {
    const auto number = std::ssize(all) + 1;
    auto& x
      = all.emplace_back(to_snapshot(decode_target(targets_, number),
                                     decode_bounds(targets_, first_bound),
                                     decode_pause(targets_, pause_columns)));
    if (x.calls > 0)
      read_scheduled(number, now, x);
  }
  read_oldest(now, all);
  return all;
}

void call_source::read_scheduled(std::int64_t number, timestamp now,
                                 target_snapshot& x) {
  begun_.bind(1, number);
  scheduled_.bind(1, number);
  scheduled_.bind(2, now.us());
  const sqlite::reset_guard begun_guard{begun_};
  const sqlite::reset_guard scheduled_guard{scheduled_};
  begun_.step();
  scheduled_.step();
  x.begun = begun_.integer(0);
  x.scheduled = scheduled_.integer(0);
  x.due = x.calls - x.begun - x.scheduled;
  if (x.due < 0)
    row_is_corrupt(std::to_string(x.calls) + " calls on their way to target "
                   + escape(x.name) + ", of which more have begun or wait");
  if (x.scheduled == 0)
    return;
  x.next_due = timestamp{scheduled_.integer(1)};
  if (x.next_due > max_timestamp)
    row_is_corrupt("the due time " + std::to_string(x.next_due->us()));
}

// One pass for all targets, which ends when each has its own.
void call_source::read_oldest(timestamp now,
                              std::vector<target_snapshot>& all) {
  auto left = std::ranges::count_if(all, [](const target_snapshot& x) {
    return x.calls > 0;
  });
  const sqlite::reset_guard guard{on_their_way_};
  while (left > 0 && on_their_way_.step()) {
    const auto number = on_their_way_.integer(1);
    if (number < 1 || number > std::ssize(all))
      row_is_corrupt("a call for target " + std::to_string(number)
                     + ", which there is not");
    auto& x = all[static_cast<std::size_t>(number) - 1];
    if (x.oldest)
      continue;
    recorded_.bind(1, on_their_way_.integer(0));
    const sqlite::reset_guard recorded_guard{recorded_};
    if (!recorded_.step())
      row_is_corrupt("a call without an operation");
    x.oldest = std::min(timestamp{recorded_.integer(0)}, now);
    left -= x.calls > 0 ? 1 : 0;
  }
}

} // namespace waybill
