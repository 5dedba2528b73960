#include "waybill/tombstone_check.hpp"

#include <cstdint>
#include <string>

#include "waybill/operation_row.hpp"
#include "waybill/run_check.hpp"
#include "waybill/tombstone_table.hpp"

namespace waybill {

namespace {

void check_purged_successors(sqlite::connection& db,
                             const fault_function& fault) {
  const auto lost = db.query_int(
    "SELECT count(*) FROM purged_successor p WHERE NOT EXISTS "
    "(SELECT 1 FROM operation WHERE seq = p.predecessor) OR EXISTS "
    "(SELECT 1 FROM requeue WHERE predecessor = p.predecessor)");
  if (lost > 0)
    fault(std::to_string(lost)
          + " purged successors are of operations that there are not, or that "
            "have another one");
}

class tombstone_checker {
public:
  tombstone_checker(sqlite::connection& db, const fault_function& fault)
    : db_{db}, fault_{fault}, bounds_{read_tombstone_bounds(db)} {
    facts_.load(db);
  }

  bool run(const std::function<bool()>& go_on) {
    if (bounds_.youngest < -1)
      fault_("the youngest tombstone's time is "
             + std::to_string(bounds_.youngest));
    check_damage(fault_, "purges: ", [this] { check_purges(); });
    const auto runs = check_runs(
      db_, tombstone_layout, fault_,
      [this](const run_entry& x) { check_entry(x); }, go_on);
    if (!runs)
      return false;
    check_numbers(*runs);
    check_successors();
    return true;
  }

private:
  // Those that do not count any more may be in a run, but nowhere else.
  void check_entry(const run_entry& x) {
    if (x.number < bounds_.first)
      return;
    const auto name = "tombstone " + std::to_string(x.number) + ": ";
    check_damage(fault_, name, [&] {
      // When it was purged has been checked.
      const auto was = facts_.complete(x, max_timestamp);
      successors_ += was.successor ? 1 : 0;
    });
    if (time_in(to_operation_id(x.key)) > bounds_.youngest)
      fault_(name + "is younger than the youngest is said to be");
  }

  void check_numbers(const run_list& runs) {
    auto next = bounds_.first;
    const auto miss = [&](std::int64_t end) {
      if (end > next)
        fault_("tombstones " + std::to_string(next) + " to before "
               + std::to_string(end) + " are in no run");
    };
    for (const auto& each : runs) {
      if (each->entries != each->next - each->first)
        fault_("tombstone run " + std::to_string(each->run) + ": has "
               + std::to_string(each->entries) + " entries with numbers from "
               + std::to_string(each->first) + " to before "
               + std::to_string(each->next));
      if (each->next <= bounds_.first)
        continue; // it is about to go
      miss(each->first);
      next = each->next;
    }
    miss(bounds_.next);
    if (next > bounds_.next)
      fault_("a run of tombstones ends before number " + std::to_string(next)
             + ", but they do before " + std::to_string(bounds_.next));
  }

  void check_purges() {
    auto rows = db_.prepare("SELECT first, tombstones, purged_at "
                            "FROM purge_time ORDER BY first");
    std::int64_t next = 0;
    while (rows.step()) {
      const auto first = rows.integer(0);
      if (next == 0 ? first > bounds_.first : first != next)
        fault_("a purge begins with tombstone " + std::to_string(first));
      next = end_of_purge(rows, 0);
      decode_purge_time(rows, 2);
    }
    if (bounds_.size() > 0 && next != bounds_.next)
      fault_("purges end before tombstone " + std::to_string(next)
             + ", but tombstones before " + std::to_string(bounds_.next));
  }

  void check_successors() {
    const auto rows = db_.query_int("SELECT count(*) FROM tombstone_successor");
    if (rows != successors_)
      fault_(std::to_string(rows) + " successors of tombstones, but "
             + std::to_string(successors_) + " tombstones have one");
  }

  sqlite::connection& db_;
  const fault_function& fault_;
  tombstone_bounds bounds_;
  tombstone_facts facts_;
  std::int64_t successors_ = 0;
};

} // namespace

bool check_tombstones(sqlite::connection& db, const fault_function& fault,
                      const std::function<bool()>& go_on) {
  check_purged_successors(db, fault);
  return tombstone_checker{db, fault}.run(go_on);
}

} // namespace waybill
