#include "waybill/log_name.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "waybill/file_limits.hpp"
#include "waybill/page_seal.hpp"

namespace waybill::sqlite {

namespace {

using namespace file_format;

constexpr std::size_t checksum_at_byte = 16;

using name_bytes = std::array<std::uint8_t, expansion_bytes>;

std::uint32_t checksum_of(const name_bytes& x) noexcept {
  return static_cast<std::uint32_t>(
    seal_of(bytes{x}.first(checksum_at_byte), expansion_at));
}

name_bytes encode(const log_name& x) noexcept {
  name_bytes to{};
  if (x.is_unnamed)
    return to;
  std::memcpy(to.data(), x.current.data(), sizeof x.current);
  std::memcpy(to.data() + 8, x.previous.data(), sizeof x.previous);
  put_big_endian(to.data() + checksum_at_byte, checksum_of(to));
  return to;
}

} // namespace

log_name
decode_log_name(std::span<const std::uint8_t, expansion_bytes> x) noexcept {
  name_bytes from{};
  copy_bytes(x, from.data());
  log_name out;
  out.is_unnamed = std::ranges::all_of(from,
                                       [](auto each) { return each == 0; });
  if (out.is_unnamed)
    return out;
  out.current = salt_at(from);
  out.previous = salt_at(bytes{from}.subspan(8));
  out.is_damaged = big_endian(bytes{from}.subspan(checksum_at_byte))
                   != checksum_of(from);
  return out;
}

int read_log_name(sqlite3_file* database, log_name& out) noexcept {
  name_bytes from{};
  out = {};
  const auto code = database->pMethods->xRead(database, from.data(),
                                              static_cast<int>(from.size()),
                                              expansion_at);
  if (code != SQLITE_OK)
    return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
  out = decode_log_name(from);
  return SQLITE_OK;
}

int write_log_name(sqlite3_file* database, const log_name& x) noexcept {
  const auto to = encode(x);
  return write_within_limit(database, to.data(), static_cast<int>(to.size()),
                            expansion_at);
}

void put_log_name(std::uint8_t* first_page, const log_name& x) noexcept {
  const auto to = encode(x);
  std::memcpy(first_page + expansion_at, to.data(), to.size());
}

} // namespace waybill::sqlite
