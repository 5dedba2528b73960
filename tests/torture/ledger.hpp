// What clients were told about operations, and so what may be true of them: the
// oracle of the rows in which storage fails. It knows nothing of storage.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/pipeline.hpp"

namespace waybill::torture {

/// How far an operation has come. It only goes up.
enum class stage : std::uint8_t {
  absent,
  submitted,
  retrying,
  finished,
  purged,
};

class ledger {
public:
  /// A request that brings operation `n` to `to` was answered with `reply`.
  /// @returns what is wrong with the answer; empty if nothing is.
  std::string told(std::uint64_t n, stage to, const test::any_reply& reply);

  /// A purge of all finished operations was answered with `reply`.
  std::string told_purge(const test::any_reply& reply);

  /// A question about operation `n` was answered with `row`.
  std::string shown(std::uint64_t n,
                    const std::optional<tracking_status_snapshot>& row);

  /// The same, of files that are a copy: what they show binds nobody.
  [[nodiscard]] std::string
  fault_in(std::uint64_t n,
           const std::optional<tracking_status_snapshot>& row) const;

  /// All operations that were asked for.
  [[nodiscard]] std::vector<std::uint64_t> operations() const;

  /// How many operations there may be in all, by what was told.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> bounds() const;

private:
  struct range {
    stage least = stage::absent;
    stage most = stage::absent;

    void reached(stage x) {
      least = std::max(least, x);
      most = std::max(most, x);
    }
    void may_have_reached(stage x) { most = std::max(most, x); }
  };

  std::map<std::uint64_t, range> ranges_;
};

} // namespace waybill::torture
