// Who has something done that changes a store: a part of operators' requests.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "waybill/field_list.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace waybill {

/// What the store's audit is told besides what the request says.
struct operator_act {
  /// Requests of one kind with the same id are one act, which is done in steps;
  /// none: the request is all of it.
  std::optional<tracked_operation_id> id = std::nullopt;
  /// 1 to `limits::max_operator` bytes; none: nobody is named.
  std::optional<std::string> who = std::nullopt;
  /// What was asked for, as operators write it: a filter. At most
  /// `limits::max_audit_text` bytes; none: what the request names.
  std::optional<std::string> what = std::nullopt;
  /// Why, if the request does not say so itself, as a purge. 1 to
  /// `limits::max_reason` bytes.
  std::optional<std::string> reason = std::nullopt;

  bool operator==(const operator_act&) const = default;
  static constexpr const char* type_name = "operator_act";
  static constexpr auto fields() {
    using self = operator_act;
    return std::tuple{field{"id", &self::id}, field{"who", &self::who},
                      field{"what", &self::what},
                      field{"reason", &self::reason}};
  }
};

/// What one request has done in steps is one act.
inline void make_one(std::optional<operator_act>& x) {
  if (x && !x->id)
    x->id = tracked_operation_id::generate();
}

} // namespace waybill
