// The store that a recovery makes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "waybill/messages.hpp"
#include "waybill/name_table.hpp"
#include "waybill/recovered_tombstones.hpp"
#include "waybill/recovery_report.hpp"
#include "waybill/recovery_source.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Takes rows, tells which of them cannot be stored, and makes a sound store of
/// the others.
class recovered_store {
public:
  /// @param file an empty file.
  recovered_store(const std::string& file, const recovery_source& source,
                  recovery_report& report);

  /// Stores a row if it is one of those that are copied; what it is of shows by
  /// its columns.
  void take(const salvaged_row& row);

  /// Makes one store of the rows: histories are linked, calls without operation
  /// or payload go, and what is counted is counted anew.
  void finish();

private:
  void take_operation(const salvaged_row& row);
  void take_transition(const salvaged_row& row);
  void take_call(const salvaged_row& row);
  void take_payload(const salvaged_row& row);
  void take_pause(const salvaged_row& row);
  void take_requeue(const salvaged_row& row);
  void take_act(const salvaged_row& row);
  void take_tombstone(const salvaged_row& row);
  void add_snapshot_names(const salvaged_row& row,
                          tracking_status_snapshot& to);
  std::string name_of(const salvaged_value& x);
  std::int64_t target_of(std::int64_t number);
  void bind_name(name_field field, const std::optional<std::string>& x);
  void insert(sqlite::statement& stmt, const salvaged_row& row,
              std::int64_t& counter, const std::string& what);
  void leave_out(const std::string& what, std::int64_t rows = 1);
  void remark(const std::string& text);
  void commit_now_and_then();
  void link_histories();
  void link_history(std::int64_t operation, std::int64_t last);
  void settle_calls();
  void find_lost_requeues();
  void settle_requeues();
  void count_anew();
  void write_store_row();

  const recovery_source& source_;
  recovery_report& report_;
  sqlite::sealed_vfs vfs_;
  sqlite::connection db_;
  recovered_tombstones tombstones_;
  name_table names_;
  std::map<std::int64_t, std::int64_t> targets_; // old number: new one
  std::set<std::int64_t> lost_names_;
  std::int64_t rows_ = 0;
  sqlite::statement operation_;
  sqlite::statement transition_;
  sqlite::statement call_;
  sqlite::statement payload_;
  sqlite::statement requeue_;
  sqlite::statement target_;
  sqlite::statement pause_;
  sqlite::statement act_;
  sqlite::statement find_;
  sqlite::statement reached_;
  sqlite::statement cut_operation_;
  sqlite::statement cut_transition_;
};

} // namespace waybill
