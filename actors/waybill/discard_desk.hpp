// The discards that a store-and-forward actor has taken and not yet answered.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "waybill/protocol.hpp"

namespace waybill {

/// A wish to give an operation up, and who hears what became of it.
struct pending_discard {
  discard what;
  caf::typed_response_promise<update_reply> to;
};

/// What the tracker is asked for.
inline discard_many to_request(discard x) {
  return {.ids = {x.id},
          .reason = std::move(x.reason),
          .act = operator_act{
            .id = std::nullopt, .who = std::move(x.who), .what = std::nullopt}};
}

/// Its answer to that.
inline update_reply to_update_reply(const discard_reply& x) {
  switch (x.results.front().outcome) {
    case discard_outcome::applied:
      return {update_outcome::applied};
    case discard_outcome::not_found:
      return {update_outcome::not_found};
    default: // its status is what it was
      return {update_outcome::already_terminal};
  }
}

/// Discards that wait for their operation's recording, and those that the
/// tracker has been asked for. Bounded by their number.
class discard_desk {
public:
  explicit discard_desk(std::int64_t max_discards) noexcept
    : max_discards_{max_discards} {}

  /// Why one is not taken; none if it is.
  [[nodiscard]] std::optional<failure> refusal_of(const discard& x,
                                                  bool stopping) const {
    if (auto fault = find_fault(x))
      return failure{errc::invalid_request, std::move(*fault)};
    if (stopping)
      return failure{errc::stopped, "store-and-forward is stopping; not "
                                    "discarded"};
    if (num_discards_ >= max_discards_)
      return failure{errc::overloaded, "too many wait to be discarded"};
    return std::nullopt;
  }

  /// Keeps one until `take_waiting`.
  void keep_waiting(pending_discard x) {
    ++num_discards_;
    waiting_[x.what.id].push_back(std::move(x));
  }

  /// The operation has been recorded, or never will be.
  /// @returns the discards that waited for that, in order.
  std::vector<pending_discard> take_waiting(const tracked_operation_id& id) {
    const auto found = waiting_.extract(id);
    if (!found)
      return {};
    num_discards_ -= static_cast<std::int64_t>(found.mapped().size());
    return std::move(found.mapped());
  }

  /// The tracker is asked to discard an operation.
  void begin(const tracked_operation_id& id) {
    ++num_discards_;
    ++under_way_[id];
  }

  /// It has answered.
  /// @returns whether nobody else is about to discard the operation.
  bool end(const tracked_operation_id& id) {
    --num_discards_;
    const auto count = under_way_.find(id);
    if (--count->second > 0)
      return false;
    under_way_.erase(count);
    return true;
  }

  /// Whether the tracker is being asked to discard the operation.
  [[nodiscard]] bool is_under_way(const tracked_operation_id& id) const {
    return under_way_.contains(id);
  }

private:
  const std::int64_t max_discards_;
  std::int64_t num_discards_ = 0;
  std::unordered_map<tracked_operation_id, std::vector<pending_discard>>
    waiting_;
  std::unordered_map<tracked_operation_id, std::int64_t> under_way_;
};

} // namespace waybill
