#include "waybill/tombstone_check.hpp"

#include <cstdint>

#include "waybill/operation_row.hpp"
#include "waybill/tombstone_table.hpp"

namespace waybill {

namespace {

constexpr std::int64_t tombstones_between_looks = 4'096;

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

} // namespace

bool check_tombstones(sqlite::connection& db, const fault_function& fault,
                      const std::function<bool()>& go_on) {
  check_purged_successors(db, fault);
  std::int64_t youngest = -1;
  {
    auto bounds = db.prepare("SELECT youngest, forgotten_to "
                             "FROM tombstone_bounds");
    if (!bounds.step())
      fault("the bounds of tombstones are missing");
    else
      youngest = bounds.integer(0);
    if (youngest < -1)
      fault("the youngest tombstone's time is " + std::to_string(youngest));
  }
  check_damage(fault, "tombstones: ", [&] { tombstones_in(db); });
  auto rows = db.prepare("SELECT number, id, " WAYBILL_PURGED_COLUMNS
                         " FROM tombstone ORDER BY number");
  std::int64_t before = 0;
  for (std::int64_t n = 1; rows.step(); ++n) {
    const auto number = rows.integer(0);
    const auto id = decode_id(rows.blob(1));
    const auto name = "tombstone " + std::to_string(number) + ": ";
    check_damage(fault, name, [&] { decode_purged(rows, 2); });
    if (n > 1 && number != before + 1)
      fault(name + "there is none between it and number "
            + std::to_string(before));
    if (tombstone_table::time_in(id) > youngest)
      fault(name + "is younger than the youngest is said to be");
    before = number;
    if (n % tombstones_between_looks == 0 && !go_on())
      return false;
  }
  return true;
}

} // namespace waybill
