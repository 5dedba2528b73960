// The transitions of all operations, in the order in which they were made: what
// histories and watches are read from.
//
// Recording an operation is a transition too, but takes no row here: the row in
// `operation` has it, and its `seq` is the transition's number. All others take
// the next number and a row in `transition`, which names the one before of the
// same operation. The last of a finished operation has no columns of its own:
// the row in `operation` says it, and never changes again.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "waybill/sqlite.hpp"
#include "waybill/timestamp.hpp"
#include "waybill/tracking_status.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// The largest number that a transition may have, so that there is always a
/// next one: a store that says otherwise is damaged.
inline constexpr std::int64_t max_transition_number = INT64_MAX / 2;

/// The same of its place among the transitions of its operation.
inline constexpr std::int32_t max_nth_transition = INT32_MAX / 2;

/// What the log knows of an operation; part of what the store keeps of it.
struct transition_chain {
  /// The number of its last transition that has a row; 0: none.
  std::int64_t last = 0;
  /// How many it has had, or -1 if that has to be looked up.
  std::int32_t length = 0;

  /// Its next one has a row too.
  void extend(std::int64_t number) noexcept {
    last = number;
    ++length;
  }
};

/// The log of an open store. Changes are part of the current transaction.
class transition_log final : public transaction_participant {
public:
  /// @param keep how many transitions of an operation are kept at least, and
  ///        less than twice as many; 0 turns the log off.
  explicit transition_log(std::int32_t keep) noexcept : keep_{keep} {}

  /// @throws store_error `store_corrupt` if the numbers are used up.
  void load(sqlite::connection& db) override;
  void close() noexcept override;

  /// Writes what must outlive the rows that have been taken away.
  void flush() override;

  void on_commit() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  /// Says in the file, in a transaction of whoever opens it, since when the log
  /// is off or on again: while it is off, all transitions may be missing; when
  /// it is on again, those up to a number that no transition gets.
  void mark_switch(sqlite::connection& db);

  [[nodiscard]] bool is_on() const noexcept { return keep_ > 0; }

  /// A number that was never given before.
  std::int64_t next_number() noexcept { return ++last_number_; }

  struct step {
    tracking_status status = tracking_status::submitted;
    std::int32_t retry_count = 0;
    timestamp at;
    std::optional<std::int32_t> http_status;
    /// Borrowed.
    std::optional<std::string_view> last_error;
  };

  /// Appends a transition with a number from `next_number()`, and takes old
  /// ones of the operation away.
  void append(std::int64_t number, std::int64_t operation,
              transition_chain& chain, const step& x);

  /// Appends that the payload of an operation that has finished is kept no
  /// longer: a row, but no transition.
  void append_release(std::int64_t number, std::int64_t operation,
                      transition_chain& chain, timestamp at,
                      const std::optional<std::string_view>& reason);

  /// The operation goes, and its transitions with it.
  void remove(std::int64_t operation, std::int64_t last);

private:
  void bind_place(std::int64_t number, std::int64_t operation,
                  transition_chain& chain);
  void run_append(std::int64_t number, transition_chain& chain);
  void begin_epoch();
  std::int32_t find_length(std::int64_t last);
  void take_old_ones(std::int64_t last);
  void remove_chain(std::int64_t number);
  void is_missing(std::int64_t number) noexcept;

  std::int32_t keep_;
  std::int64_t last_number_ = 0;
  std::int64_t committed_last_number_ = 0;
  // Of the current transaction; 0: none.
  std::int64_t missing_to_ = 0;
  // Of this opening; see transition_cursor.hpp.
  std::int64_t epoch_mark_ = 0;
  bool in_epoch_ = false;
  bool committed_in_epoch_ = false;
  sqlite::statement append_;
  sqlite::statement find_;
  sqlite::statement delete_;
  sqlite::statement save_;
  sqlite::statement forget_epochs_;
  sqlite::statement add_epoch_;
};

} // namespace waybill
