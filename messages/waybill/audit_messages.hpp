// What operators have done to a store, as the store has kept it, and the
// question for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/queries.hpp"

namespace waybill {

/// What an operator does.
enum class audit_verb : std::uint8_t {
  requeue = 0,
  discard = 1,
  pause = 2,
  resume = 3,
  purge = 4,
};
inline constexpr int num_audit_verbs = 5;
std::string to_string(audit_verb x);
std::optional<audit_verb> parse_audit_verb(std::string_view text) noexcept;

/// An act that has changed something; one that has changed nothing has none.
/// What is done in steps is one act: its record grows with each of them, in the
/// same transaction, so that of one that was killed it tells how far it came.
struct audit_record {
  static constexpr std::int64_t max_operations = std::int64_t{1} << 62;

  tracked_operation_id id;
  audit_verb verb = audit_verb::requeue;
  /// When it began, and when its last step was done.
  timestamp at;
  timestamp last_at;
  /// None: nobody was named, as by a message of the host's own.
  std::optional<std::string> who;
  /// The ids that it was done to, the target, or the filter, as its operator
  /// wrote it.
  std::string what;
  /// To how many operations it was done; 0 for a pause and its end.
  std::int64_t operations = 0;
  /// The operation that it was done to last, if it names them.
  std::optional<tracked_operation_id> last;
  std::optional<std::string> reason;

  bool operator==(const audit_record&) const = default;
  static constexpr const char* type_name = "audit_record";
  static constexpr auto fields() {
    using self = audit_record;
    return std::tuple{field{"id", &self::id},
                      field{"verb", &self::verb},
                      field{"at", &self::at},
                      field{"last_at", &self::last_at},
                      field{"who", &self::who},
                      field{"what", &self::what},
                      field{"operations", &self::operations},
                      field{"last", &self::last},
                      field{"reason", &self::reason}};
  }
};

/// A line of an export that is no operation.
struct exported_audit {
  audit_record audit;

  bool operator==(const exported_audit&) const = default;
  static constexpr const char* type_name = "exported_audit";
  static constexpr auto fields() {
    return std::tuple{field{"audit", &exported_audit::audit}};
  }
};

/// Where a record stands in their order, which is that of `at`.
struct audit_place {
  timestamp at;
  std::int64_t number = 0;

  bool operator==(const audit_place&) const = default;
};

/// Asks a reader for a page of what operators have done.
struct list_audit {
  /// Any of these; empty: all.
  std::vector<audit_verb> verbs = {};
  /// Began at or after the one, and before the other.
  std::optional<timestamp> from = std::nullopt;
  std::optional<timestamp> until = std::nullopt;
  list_order order = list_order::newest_first;
  /// `audit_reply::next` of the page before; none: the first page.
  std::optional<audit_place> after = std::nullopt;
  /// The most records that a page may have; 1 to `limits::max_page_size`.
  std::int32_t page_size = 100;
};

struct audit_reply {
  std::vector<audit_record> records;
  /// Where the next page begins; none after the last one.
  std::optional<audit_place> next;
};

/// Says what is wrong; see `messages.hpp`.
std::optional<std::string> find_fault(const audit_record& x);
std::optional<std::string> find_fault(const list_audit& x);

} // namespace waybill
