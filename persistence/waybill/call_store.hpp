// The verbs about calls that are kept: what call_messages.hpp asks for, on
// SQLite.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/audit_messages.hpp"
#include "waybill/call_messages.hpp"
#include "waybill/call_table.hpp"
#include "waybill/discard_messages.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/stats.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_parts.hpp"

namespace waybill {

/// A view of an open store, to be used as the store itself: each verb is all or
/// nothing, in a transaction of its own or in the one that is open, and throws
/// store_error as the store's verbs do. Times are arguments.
///
/// To be made when it is needed: it must not outlive the store.
class call_store {
public:
  explicit call_store(store_parts& parts) noexcept : parts_{parts} {}

  /// @throws store_error also `overloaded` if there are too many targets.
  target_reply open_target(const waybill::open_target& request, timestamp now);

  /// What may be kept for a target that was opened before the store was opened
  /// again.
  void set_bounds(const std::string& target, const target_bounds& x);

  /// See target_table.
  [[nodiscard]] std::optional<std::string> crowding() const;

  /// The targets that are crowded or paused, up to `limits::max_told_targets`
  /// of them, as of the last commit.
  [[nodiscard]] std::vector<target_health> troubles() const;

  target_reply get_target(const waybill::get_target& request);

  /// Whom a call is for; none if there is none for the operation, or none any
  /// more.
  std::optional<std::string> target_of(const tracked_operation_id& id);

  /// Says in `x` what is kept for the targets with the most calls, and what is
  /// remembered of purged operations, as of the last commit.
  void describe(stats_reply& x) const;

  /// No attempt begins from the transaction on that this is a part of.
  pause_reply pause(const pause_target& request, timestamp now);

  pause_reply resume(const resume_target& request, timestamp now);

  take_reply take(const take_call& request, timestamp now);

  begin_reply begin(const begin_call& request, timestamp now);

  update_reply retry(const retry_call& request, timestamp now);

  update_reply end(const end_call& request, timestamp now);

  /// An operator's (call_requeue.hpp).
  requeue_reply requeue(const waybill::requeue& request, timestamp now);

  /// An operator's (call_discard.hpp).
  discard_reply discard(const discard_many& request, timestamp now);

  /// Inserts what an operator has done to another store.
  /// @returns whether the audit did not have it.
  bool restore(const audit_record& x);

  find_reply find(const find_calls& request, timestamp now);

  find_reply find_due(const waybill::find_due& request, timestamp now);

  find_reply find_keyed(const waybill::find_keyed& request);

private:
  // A call and its operation, in flight, as a report finds them. None: `what`
  // says how the report is answered.
  struct found_call {
    update_outcome what = update_outcome::not_found;
    std::optional<operation_table::found_row> row;
    std::optional<call_row> call;
  };

  void note_by(audit_verb verb, const std::optional<std::string>& who,
               const std::string& target,
               const std::optional<std::string>& reason, timestamp now);
  [[nodiscard]] target_reply reply_of(std::int64_t target) const;
  [[nodiscard]] std::int64_t opened(const std::string& target) const;
  std::optional<call_row> first_of_key(std::int64_t target,
                                       const std::string& key);
  bool is_blocked(const call_row& call);
  [[nodiscard]] bool is_paused(const call_row& call) const;
  call_head head_of(const call_row& x);
  find_reply heads_of(const call_table::found_calls& found);
  template <class Report>
  found_call find_call(const Report& x);
  std::optional<purged_operation> find_purged(const tracked_operation_id& id);
  std::optional<take_reply> find_taken(std::int64_t target,
                                       const take_call& request,
                                       std::optional<std::string>& refusal);
  take_reply keep(std::int64_t target, const take_call& request,
                  std::int64_t seq, std::int32_t attempt, take_outcome outcome);
  bool interrupt(call_row& x, std::int32_t max_interruptions, timestamp now);

  store_parts& parts_;
};

} // namespace waybill
