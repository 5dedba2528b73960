// Copies what is sound of a damaged store.
#pragma once

#include <optional>
#include <string>

#include "waybill/progress_function.hpp"
#include "waybill/recovery_report.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// Reads the pages of `file`, damaged ones or not, and makes a new store of the
/// rows in them, which has its own identity: `to`, which must not exist, with
/// mode 0600, verified as a backup is. `file` stays as it is.
///
/// The log beside `file` is used if it is the one that `file` names, as far as
/// its frames add up. Calls are copied if their operation and all of their
/// payload are. Of an operation's history only what follows the last step that
/// is lost is copied, and it is not complete then.
///
/// No other part of this process may have `file` open.
///
/// @returns none if `progress` stopped it; then there is no `to`.
/// @throws store_error `store_locked` while an owner lives, `not_a_store`,
///         `newer_schema`, `store_unavailable` if `file` cannot be read or `to`
///         not created, `store_full`.
std::optional<recovery_report>
recover_store(const std::string& file, const std::string& to,
              unproven_rows unproven = unproven_rows::leave_out,
              const progress_function& progress = {});

} // namespace waybill
