#include "waybill/call_check.hpp"

#include <cstdint>
#include <iterator>
#include <map>
#include <string>

#include "waybill/call_table.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/pause_table.hpp"
#include "waybill/target_table.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

constexpr std::int64_t calls_between_looks = 4'096;

class call_checker {
public:
  call_checker(sqlite::connection& db, const fault_function& fault)
    : db_{db}, fault_{fault} {}

  bool run(const std::function<bool()>& go_on) {
    read_targets();
    check_bounds();
    check_pauses();
    // Behind the columns of the call. length() does not read the payload.
    auto rows = db_.prepare(
      "SELECT c.*, o.status, length(p.bytes) FROM "
      "(SELECT " WAYBILL_CALL_COLUMNS " FROM call) c "
      "LEFT JOIN operation o ON o.seq = c.seq "
      "LEFT JOIN requeue r ON r.successor = c.seq "
      "LEFT JOIN payload p ON p.seq = coalesce(r.payload, c.seq) "
      "ORDER BY c.seq");
    std::int64_t payloads = 0;
    for (std::int64_t n = 1; rows.step(); ++n) {
      check(rows);
      payloads += rows.is_null(payload_bytes) ? 0 : 1;
      if (n % calls_between_looks == 0 && !go_on())
        return false;
    }
    if (const auto all = db_.query_int("SELECT count(*) FROM payload");
        all != payloads)
      fault_(std::to_string(all - payloads) + " payloads belong to no call");
    for (const auto& [number, x] : targets_) {
      compare(x.name, "on their way", x.stored.active, x.counted.active);
      compare(x.name, "kept", x.stored.kept, x.counted.kept);
    }
    return check_requeues(go_on) && check_keys(go_on);
  }

private:
  // Behind WAYBILL_BOUNDS_COLUMNS, and WAYBILL_PAUSE_COLUMNS.
  static constexpr int bounds_number = 4;
  static constexpr int pause_number = 3;
  // Behind WAYBILL_CALL_COLUMNS.
  static constexpr int operation_status = 11;
  static constexpr int payload_bytes = 12;
  static constexpr int requeue_columns = 6;

  struct target {
    std::string name;
    target_sums stored;
    target_sums counted;
  };

  void read_targets() {
    auto stmt = db_.prepare("SELECT " WAYBILL_TARGET_COLUMNS
                            " FROM target ORDER BY number");
    while (stmt.step()) {
      const auto number = stmt.integer(0);
      if (number != std::ssize(targets_) + 1)
        fault_("the table of targets has a gap at number "
               + std::to_string(number));
      targets_[number] = {"target " + escape(stmt.text(1)),
                          {{stmt.integer(2), stmt.integer(3)},
                           {stmt.integer(4), stmt.integer(5)}},
                          {}};
    }
  }

  void check_bounds() {
    auto stmt = db_.prepare("SELECT " WAYBILL_BOUNDS_COLUMNS
                            ", number FROM target_bounds");
    while (stmt.step()) {
      const auto number = stmt.integer(bounds_number);
      const auto name = "the bounds of target " + std::to_string(number) + ": ";
      if (!targets_.contains(number))
        fault_(name + "there is no such target");
      try {
        decode_bounds(stmt, 0);
      } catch (const store_error& e) {
        fault_(name + e.what());
      }
    }
  }

  void check_pauses() {
    auto stmt = db_.prepare("SELECT " WAYBILL_PAUSE_COLUMNS
                            ", number FROM target_pause");
    while (stmt.step()) {
      const auto number = stmt.integer(pause_number);
      const auto name = "the pause of target " + std::to_string(number) + ": ";
      if (!targets_.contains(number))
        fault_(name + "there is no such target");
      try {
        decode_pause(stmt, 0);
      } catch (const store_error& e) {
        fault_(name + e.what());
      }
    }
  }

  void check(const sqlite::statement& row) {
    const auto name = "call " + std::to_string(row.integer(0)) + ": ";
    check_damage(fault_, name, [&] {
      const auto call = decode_call(row);
      count(name, call);
      check_operation(name, call, row);
      if (row.is_null(payload_bytes))
        fault_(name + "has no payload");
      else if (row.integer(payload_bytes) != call.bytes)
        fault_(name + "has " + std::to_string(row.integer(payload_bytes))
               + " bytes of payload, and should have "
               + std::to_string(call.bytes));
    });
  }

  void count(const std::string& name, const call_row& call) {
    const auto at = targets_.find(call.target);
    if (at == targets_.end()) {
      fault_(name + "is for target " + std::to_string(call.target)
             + ", which there is not");
      return;
    }
    auto& sums = at->second.counted;
    auto& sum = call.state == call_state::kept ? sums.kept : sums.active;
    ++sum.calls;
    sum.bytes += call.bytes;
  }

  void check_operation(const std::string& name, const call_row& call,
                       const sqlite::statement& row) {
    if (row.is_null(operation_status)) {
      fault_(name + "has no operation");
      return;
    }
    const auto status = decode_status(row.integer(operation_status));
    const auto fits = call.state == call_state::kept ? call_table::keeps(status)
                                                     : is_in_flight(status);
    if (!fits)
      fault_(name + "has state " + std::to_string(static_cast<int>(call.state))
             + ", but its operation is " + to_string(status));
  }

  // As the calls: now and then with a look whether to go on.
  bool check_requeues(const std::function<bool()>& go_on) {
    auto rows = db_.prepare(
      "SELECT " WAYBILL_REQUEUE_COLUMNS ", o.seq IS NULL, "
      "predecessor IS NOT NULL AND p.seq IS NULL, "
      "EXISTS (SELECT 1 FROM call WHERE call.seq = predecessor), "
      "EXISTS (SELECT 1 FROM call WHERE call.seq = successor "
      "AND order_key IS NOT NULL) "
      "FROM requeue LEFT JOIN operation o ON o.seq = successor "
      "LEFT JOIN operation p ON p.seq = predecessor ORDER BY successor");
    for (std::int64_t n = 1; rows.step(); ++n) {
      if (n % calls_between_looks == 0 && !go_on())
        return false;
      keyed_ += rows.integer(requeue_columns + 3);
      const auto name = "requeue " + std::to_string(rows.integer(0)) + ": ";
      check_damage(fault_, name, [&] {
        const auto x = decode_requeue(rows);
        if (x.place >= x.successor || x.payload >= x.successor
            || x.predecessor.value_or(0) >= x.successor)
          fault_(name + "comes before what it is the successor of");
      });
      if (rows.integer(requeue_columns) != 0)
        fault_(name + "has no operation");
      if (rows.integer(requeue_columns + 1) != 0)
        fault_(name + "is the successor of an operation that there is not");
      if (rows.integer(requeue_columns + 2) != 0)
        fault_(name + "its predecessor has its call");
    }
    return true;
  }

  // Those of calls that were tried again, and no others.
  bool check_keys(const std::function<bool()>& go_on) {
    auto keys = db_.prepare(
      "SELECT c.target = k.target AND c.order_key = k.order_key "
      "AND (c.state = 2) = k.kept AND r.place = k.place "
      "FROM requeued_key k LEFT JOIN call c ON c.seq = k.seq "
      "LEFT JOIN requeue r ON r.successor = k.seq");
    std::int64_t all = 0;
    std::int64_t right = 0;
    while (keys.step()) {
      right += keys.is_null(0) ? 0 : keys.integer(0);
      if (++all % calls_between_looks == 0 && !go_on())
        return false;
    }
    if (all != right || right != keyed_)
      fault_("the places of requeued calls: of " + std::to_string(all) + ", "
             + std::to_string(right) + " are right, and there are "
             + std::to_string(keyed_));
    return true;
  }

  void compare(const std::string& name, const char* which,
               const call_sum& stored, const call_sum& counted) {
    if (stored != counted)
      fault_(name + ": has " + to_text(stored) + " " + which
             + ", but there are " + to_text(counted));
  }

  sqlite::connection& db_;
  const fault_function& fault_;
  std::map<std::int64_t, target> targets_;
  std::int64_t keyed_ = 0; // calls with an order key that were tried again
};

} // namespace

bool check_calls(sqlite::connection& db, const fault_function& fault,
                 const std::function<bool()>& go_on) {
  return call_checker{db, fault}.run(go_on);
}

} // namespace waybill
