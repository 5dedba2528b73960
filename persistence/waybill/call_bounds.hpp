// Whether a target takes another call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "waybill/call_messages.hpp"
#include "waybill/target_table.hpp"

namespace waybill {

/// Why a target takes no further call whose payload has `bytes`, if it does
/// not.
/// @param target its name.
/// @param sums what is kept for it already.
std::optional<std::string> find_full(const std::string& target,
                                     const target_sums& sums,
                                     const target_bounds& bounds,
                                     std::int64_t bytes);

/// @throws store_error `invalid_request` if a payload is too long for it.
void require_payload_within(const target_bounds& bounds, std::size_t bytes);

} // namespace waybill
