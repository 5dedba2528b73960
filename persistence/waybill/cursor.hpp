// Where a page of a list ended: what `list_operations::cursor` stands for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "waybill/queries.hpp"

namespace waybill {

/// A place in the order of a list: a row's key and, among equal keys, its
/// number.
struct list_place {
  std::int64_t key = 0;
  std::int64_t seq = 0;

  friend auto operator<=>(const list_place&, const list_place&) = default;
};

/// The text for a place in the list that `request` asks for.
/// @param store of which store; any text that tells it from others.
std::string to_cursor(const list_place& x, const list_operations& request,
                      std::string_view store);

/// Reads what `to_cursor` writes.
/// @throws store_error `invalid_request` for any other text, also for one of a
///         list with another filter or order, or of another store.
list_place parse_cursor(const std::string& text, const list_operations& request,
                        std::string_view store);

} // namespace waybill
