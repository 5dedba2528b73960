#include "waybill/store_identity.hpp"

#include <algorithm>

namespace waybill {

namespace {

std::uint32_t random_incarnation() {
  std::uint32_t x = 0;
  sqlite3_randomness(sizeof x, &x);
  return x;
}

} // namespace

store_identity read_identity(sqlite::connection& db) {
  auto stmt = db.prepare("SELECT uuid, incarnation FROM identity");
  if (!stmt.step() || stmt.blob(0).size() != 16)
    throw store_error{errc::store_corrupt, "the table identity has no row"};
  store_identity x;
  std::ranges::copy(stmt.blob(0), x.uuid.begin());
  x.incarnation = static_cast<std::uint32_t>(stmt.integer(1));
  return x;
}

void give_identity(sqlite::connection& db) {
  std::array<std::uint8_t, 16> uuid{};
  sqlite3_randomness(static_cast<int>(uuid.size()), uuid.data());
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | 0x40U); // version 4
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);
  auto stmt = db.prepare("INSERT INTO identity VALUES (1, ?1, ?2)");
  stmt.bind_borrowed(1, uuid);
  stmt.bind(2, random_incarnation());
  stmt.run();
}

void begin_incarnation(sqlite::connection& db) {
  auto stmt = db.prepare("UPDATE identity SET incarnation = ?1");
  stmt.bind(1, random_incarnation());
  stmt.run();
}

} // namespace waybill
