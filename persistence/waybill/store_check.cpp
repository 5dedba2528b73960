#include "waybill/store_check.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "waybill/audit_table.hpp"
#include "waybill/call_check.hpp"
#include "waybill/in_flight_blocks.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/store_queries.hpp"
#include "waybill/tombstone_check.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

namespace {

constexpr int steps_between_looks = 100'000; // of SQLite's virtual machine
constexpr std::int64_t rows_between_looks = 4'096;

class store_checker {
public:
  store_checker(sqlite::connection& db, const name_table& names,
                const progress_function& progress)
    : db_{db},
      names_{names},
      progress_{progress},
      pages_{db.query_int("PRAGMA page_count")},
      chain_{
        db.prepare("SELECT operation, previous, nth, status, retry_count, at, "
                   "http_status FROM transition WHERE number = ?1")} {}

  std::optional<check_report> run() {
    if (!check_structure() || !check_rows())
      return std::nullopt;
    const auto tell = [this](const std::string& text) { fault(text); };
    const auto go_on = [this] {
      return !progress_ || progress_(2 * pages_, 2 * pages_);
    };
    check_damage(tell, "numbers: ", [this] { check_numbers(); });
    check_damage(tell, "counters: ", [this] { check_counters(); });
    check_damage(tell, "blocks in flight: ", [this] { check_blocks(); });
    bool is_whole = true;
    check_damage(tell,
                 "audit: ", [&] { is_whole = check_audit(db_, tell, go_on); });
    if (is_whole)
      check_damage(tell, "calls: ", [&] {
        is_whole = check_calls(db_, tell, go_on);
      });
    if (is_whole)
      check_damage(tell, "tombstones: ", [&] {
        is_whole = check_tombstones(db_, tell, go_on);
      });
    if (!is_whole)
      return std::nullopt;
    std::int64_t rows = 0;
    check_damage(tell, "transitions: ", [&] {
      rows = db_.query_int("SELECT count(*) FROM transition");
      if (rows != reached_)
        fault(std::to_string(rows - reached_)
              + " transitions belong to no operation");
    });
    // The first of each operation is its own row.
    report_.transitions = report_.operations + rows;
    return std::move(report_);
  }

private:
  void fault(const std::string& text) {
    if (report_.faults.size() < check_report::max_faults)
      report_.faults.push_back(text);
  }

  // The first half of the work, measured by the pages read.
  bool check_structure() {
    pages_read(); // those before do not count
    if (progress_)
      sqlite3_progress_handler(
        db_.get(), steps_between_looks,
        [](void* self) {
          auto& x = *static_cast<store_checker*>(self);
          x.read_ += x.pages_read();
          return x.progress_(std::min(x.read_, x.pages_), 2 * x.pages_) ? 0 : 1;
        },
        this);
    struct no_handler {
      ~no_handler() { sqlite3_progress_handler(db, 0, nullptr, nullptr); }
      sqlite3* db;
    } const guard{db_.get()};
    try {
      auto stmt = db_.prepare("PRAGMA integrity_check("
                              + std::to_string(check_report::max_faults) + ")");
      while (stmt.step())
        if (stmt.text(0) != "ok")
          fault("structure: " + std::string{stmt.text(0)});
    } catch (const store_error& e) {
      if ((e.sqlite_code() & 0xFF) == SQLITE_INTERRUPT)
        return false;
      if (e.code() != errc::store_corrupt)
        throw;
      fault(std::string{"structure: "} + e.what());
    }
    return true;
  }

  std::int64_t pages_read() {
    int current = 0;
    int highest = 0;
    sqlite3_db_status(db_.get(), SQLITE_DBSTATUS_CACHE_MISS, &current, &highest,
                      1);
    return current;
  }

  bool check_rows() {
    // Unlike sum(), total() does not fail if the numbers are too large.
    const auto all = std::max<std::int64_t>(
      1, db_.query_int("SELECT total(operations) FROM counter"));
    try {
      auto rows = db_.prepare("SELECT " WAYBILL_OPERATION_COLUMNS
                              " FROM operation ORDER BY seq");
      while (rows.step()) {
        ++report_.operations;
        check_row(rows);
        if (report_.operations % rows_between_looks == 0 && progress_
            && !progress_(pages_
                            + pages_ * std::min(report_.operations, all) / all,
                          2 * pages_))
          return false;
      }
    } catch (const store_error& e) {
      if (e.code() != errc::store_corrupt)
        throw;
      fault(std::string{"rows: "} + e.what());
    }
    return true;
  }

  void check_row(const sqlite::statement& row) {
    const auto id = decode_id(row.blob(column::id));
    const auto name = "operation " + to_string(id) + ": ";
    try {
      const auto x = decode_operation(row, id, names_);
      ++counts_[{row.is_integer(column::kind) ? row.integer(column::kind) : 0,
                 static_cast<std::int64_t>(x.status)}];
      if (!is_terminal(x.status))
        ++blocks_[{in_flight_blocks::block_of(row.integer(column::seq)),
                   static_cast<std::int64_t>(x.status)}];
      if (x.updated_at < x.created_at)
        fault(name + "was updated before it was recorded");
      if (!is_storable(x.created_at) || !is_storable(x.updated_at))
        fault(name + "bears a time outside of the years 0 to 9999");
    } catch (const store_error& e) {
      fault(name + e.what());
    }
    const auto seq = row.integer(column::seq);
    if (seq < 1)
      fault(name + "has the number " + std::to_string(seq));
    check_history(name, seq, decode_last(row.integer(column::last_transition)));
  }

  static bool is_storable(timestamp x) noexcept {
    return x >= min_timestamp && x <= max_timestamp;
  }

  void check_history(const std::string& name, std::int64_t seq,
                     std::int64_t last) {
    // Both only fall.
    auto number = last;
    auto nth = std::int64_t{max_nth_transition} + 1;
    while (number != 0) {
      chain_.bind(1, number);
      const sqlite::reset_guard guard{chain_};
      if (!chain_.step())
        break; // it was one too many
      ++reached_;
      const auto previous = chain_.integer(1);
      if (chain_.integer(0) != seq || previous >= number || previous < 0
          || chain_.integer(2) >= nth || chain_.integer(2) < 1) {
        fault(name + "transition " + std::to_string(number)
              + " is not its own");
        break;
      }
      check_step(name, number);
      number = previous;
      nth = chain_.integer(2);
    }
  }

  // The transition at which `chain_` stands. What finished an operation has no
  // columns of its own.
  void check_step(const std::string& name, std::int64_t number) {
    try {
      if (chain_.is_null(3)) {
        // That a payload was let go of has a time.
        if (!chain_.is_null(5) && !is_storable(timestamp{chain_.integer(5)}))
          row_is_corrupt("a time outside of the years 0 to 9999");
        return;
      }
      decode_status(chain_.integer(3));
      decode_retry_count(chain_, 4);
      decode_http_status(chain_, 6);
      if (!is_storable(timestamp{chain_.integer(5)}))
        row_is_corrupt("a time outside of the years 0 to 9999");
    } catch (const store_error& e) {
      fault(name + "transition " + std::to_string(number) + ": " + e.what());
    }
  }

  // Those that go on: there must be room for them to.
  void check_numbers() {
    const auto check = [this](const char* what, std::int64_t number) {
      if (number < 0 || number > max_transition_number)
        fault(std::string{what} + " is " + std::to_string(number));
    };
    check("the number of the last transition", last_transition(db_));
    check("store.last_number", db_.query_int("SELECT last_number FROM store"));
    check("store.opens", db_.query_int("SELECT opens FROM store"));
    check("the first number of an epoch",
          db_.query_int("SELECT min(first) FROM epoch"));
    check("the first number of an epoch",
          db_.query_int("SELECT max(first) FROM epoch"));
    check_reached("store.off_to", db_.query_int("SELECT off_to FROM store"));
    // While the history is off, nothing is kept.
    const auto missing_to = db_.query_int("SELECT missing_to FROM store");
    if (missing_to != INT64_MAX)
      check_reached("store.missing_to", missing_to);
    const auto incarnation = db_.query_int("SELECT incarnation FROM identity");
    if (incarnation < 0 || incarnation > UINT32_MAX)
      fault("identity.incarnation is " + std::to_string(incarnation));
  }

  // A transition that there has been.
  void check_reached(const char* what, std::int64_t number) {
    const auto last = last_transition(db_);
    if (number < 0 || number > last)
      fault(std::string{what} + " is " + std::to_string(number)
            + ", but the last transition has number " + std::to_string(last));
  }

  // A kind's name id, or a block, and a status.
  using count_key = std::pair<std::int64_t, std::int64_t>;
  using row_counts = std::map<count_key, std::int64_t>;

  void check_counters() {
    compare("SELECT kind, status, operations FROM counter", counts_,
            [this](std::int64_t id) {
              const auto* const kind = names_.find(id);
              return "counter of " + (kind == nullptr ? other_kinds : *kind);
            });
  }

  void check_blocks() {
    compare("SELECT block, in_status, operations FROM in_flight_block", blocks_,
            [](std::int64_t block) {
              return "block " + std::to_string(block) + " in flight";
            });
  }

  // Compares what is stored with what was counted row by row.
  template <class F>
  void compare(const char* stored, row_counts& counted, F&& name_of) {
    const auto differ = [&](const count_key& key, std::int64_t is,
                            std::int64_t rows) {
      fault(name_of(key.first) + ", "
            + to_string(static_cast<tracking_status>(key.second)) + ": is "
            + std::to_string(is) + ", but there are " + std::to_string(rows)
            + " operations");
    };
    auto stmt = db_.prepare(stored);
    while (stmt.step()) {
      const count_key key{stmt.integer(0), stmt.integer(1)};
      const auto at = counted.find(key);
      const auto rows = at == counted.end() ? 0 : at->second;
      if (stmt.integer(2) != rows)
        differ(key, stmt.integer(2), rows);
      if (at != counted.end())
        counted.erase(at);
    }
    for (const auto& [key, rows] : counted)
      differ(key, 0, rows);
  }

  sqlite::connection& db_;
  const name_table& names_;
  const progress_function& progress_;
  std::int64_t pages_;
  std::int64_t read_ = 0;
  sqlite::statement chain_;
  row_counts counts_;
  row_counts blocks_;
  std::int64_t reached_ = 0;
  check_report report_;
};

} // namespace

std::optional<check_report> check_store(sqlite::connection& db,
                                        const name_table& names,
                                        const progress_function& progress) {
  return store_checker{db, names, progress}.run();
}

} // namespace waybill
