// Who a store is.
#pragma once

#include <array>
#include <cstdint>

#include "waybill/sqlite.hpp"

namespace waybill {

struct store_identity {
  /// Of the store, as long as it exists: its backups, what is restored from
  /// them, and migrated files have it too. A UUID of version 4.
  std::array<std::uint8_t, 16> uuid{};
  /// Drawn by chance for each new store, each backup and each restored file:
  /// what has been told of one of these need not hold for another.
  std::uint32_t incarnation = 0;

  bool operator==(const store_identity&) const = default;
};

/// Reads it from an open store.
/// @throws store_error `store_corrupt` if there is none.
store_identity read_identity(sqlite::connection& db);

/// Gives an open store its first one, in the transaction that is open.
void give_identity(sqlite::connection& db);

/// Draws another incarnation.
void begin_incarnation(sqlite::connection& db);

} // namespace waybill
