#include "waybill/salvaged_rows.hpp"

#include <algorithm>
#include <utility>

#include "waybill/call_messages.hpp"

namespace waybill {

namespace {

using namespace file_format;

constexpr std::size_t usable_bytes = sqlite::page_bytes - sqlite::seal_bytes;

// Kinds of pages, in their first byte.
constexpr std::uint8_t inner_index = 2;
constexpr std::uint8_t leaf_index = 10;
constexpr std::uint8_t leaf_table = 13;

// More than any row of a store has.
constexpr std::uint64_t max_row_bytes = std::uint64_t{limits::max_payload}
                                        + std::uint64_t{1'024} * 1'024;

std::size_t two_bytes(bytes x) noexcept {
  return std::size_t{x[0]} << 8U | x[1];
}

// Reads SQLite's numbers of 1 to 9 bytes off the front.
std::optional<std::uint64_t> take_varint(bytes& from) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    if (i >= from.size())
      return std::nullopt;
    const auto each = from[i];
    if (i == 8) {
      from = from.subspan(9);
      return number << 8U | each;
    }
    number = number << 7U | (each & 0x7FU);
    if ((each & 0x80U) == 0) {
      from = from.subspan(i + 1);
      return number;
    }
  }
  return std::nullopt;
}

// How much of a row lies in its own page.
std::size_t local_part(std::uint64_t size, bool is_entry) noexcept {
  const auto most = is_entry ? (usable_bytes - 12) * 64 / 255 - 23
                             : usable_bytes - 35;
  if (size <= most)
    return static_cast<std::size_t>(size);
  constexpr auto least = (usable_bytes - 12) * 32 / 255 - 23;
  const auto part = least + (size - least) % (usable_bytes - 4);
  return static_cast<std::size_t>(part <= most ? part : least);
}

// Adds what lies in pages of its own.
bool add_overflow(const salvaged_file& file, std::uint32_t number,
                  std::uint64_t size, std::string& to, bool& is_proven) {
  while (to.size() < size) {
    if (number < 2 || number > file.num_pages())
      return false;
    const auto page = file.read(number);
    is_proven = is_proven && page.is_proven;
    const auto part = std::min<std::uint64_t>(size - to.size(),
                                              usable_bytes - 4);
    to.append(reinterpret_cast<const char*>(page.bytes.data()) + 4,
              static_cast<std::size_t>(part));
    number = big_endian(page.bytes);
  }
  return true;
}

std::int64_t signed_number(bytes x) noexcept {
  std::uint64_t number = (x[0] & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  for (const auto each : x)
    number = number << 8U | each;
  return static_cast<std::int64_t>(number);
}

// The size of a value, by its type in the row's head.
std::uint64_t size_of(std::uint64_t type) noexcept {
  constexpr std::array<std::uint8_t, 10> sizes{0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type < sizes.size())
    return sizes.at(static_cast<std::size_t>(type));
  return type < 12 ? max_row_bytes : (type - 12) / 2;
}

salvaged_value decode_value(std::uint64_t type, bytes from) {
  salvaged_value x;
  if (type >= 12) {
    x.is = type % 2 == 0 ? salvaged_value::type::blob
                         : salvaged_value::type::text;
    x.bytes.assign(reinterpret_cast<const char*>(from.data()), from.size());
  } else if (type == 7) {
    x.is = salvaged_value::type::real;
  } else if (type != 0) {
    x.is = salvaged_value::type::integer;
    x.integer = type >= 8 ? static_cast<std::int64_t>(type) - 8
                          : signed_number(from);
  }
  return x;
}

bool decode_record(const std::string& record, salvaged_row& row) {
  const bytes all{reinterpret_cast<const std::uint8_t*>(record.data()),
                  record.size()};
  auto head = all;
  const auto head_bytes = take_varint(head);
  const auto taken = all.size() - head.size();
  if (!head_bytes || *head_bytes < taken || *head_bytes > all.size())
    return false;
  auto body = all.subspan(static_cast<std::size_t>(*head_bytes));
  head = head.first(static_cast<std::size_t>(*head_bytes) - taken);
  while (!head.empty()) {
    const auto type = take_varint(head);
    const auto size = type ? size_of(*type) : max_row_bytes;
    if (size > body.size())
      return false;
    row.values.push_back(
      decode_value(*type, body.first(static_cast<std::size_t>(size))));
    body = body.subspan(static_cast<std::size_t>(size));
  }
  return body.empty();
}

// `at`: where it begins in the page.
bool read_row(const salvaged_file& file, const salvaged_page& page,
              std::uint8_t kind, std::size_t at, salvaged_row& row) {
  const bytes all{page.bytes};
  const auto is_entry = kind != leaf_table;
  if (at + 4 > usable_bytes)
    return false;
  auto rest
    = all.first(usable_bytes).subspan(at + (kind == inner_index ? 4 : 0));
  const auto size = take_varint(rest);
  if (!size || *size > max_row_bytes)
    return false;
  if (!is_entry) {
    const auto rowid = take_varint(rest);
    if (!rowid)
      return false;
    row.rowid = static_cast<std::int64_t>(*rowid);
  }
  const auto local = local_part(*size, is_entry);
  const auto overflows = local < *size;
  if (local + (overflows ? 4 : 0) > rest.size())
    return false;
  row.is_proven = page.is_proven;
  std::string record{reinterpret_cast<const char*>(rest.data()), local};
  if (overflows
      && !add_overflow(file, big_endian(rest.subspan(local)), *size, record,
                       row.is_proven))
    return false;
  return decode_record(record, row);
}

} // namespace

std::optional<salvaged_rows> read_rows(const salvaged_file& file,
                                       std::uint32_t number,
                                       const salvaged_page& page) {
  const auto begin = number == 1 ? database_header_bytes : 0;
  const auto head = bytes{page.bytes}.subspan(begin);
  const auto kind = head[0];
  if (kind != leaf_table && kind != leaf_index && kind != inner_index)
    return std::nullopt;
  const auto count = two_bytes(head.subspan(3));
  const auto places = begin + (kind == inner_index ? 12U : 8U);
  if (places + 2 * count > usable_bytes)
    return std::nullopt;
  salvaged_rows found;
  found.are_entries = kind != leaf_table;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = two_bytes(bytes{page.bytes}.subspan(places + 2 * i));
    salvaged_row row;
    if (at >= places + 2 * count && read_row(file, page, kind, at, row))
      found.rows.push_back(std::move(row));
    else
      ++found.unreadable;
  }
  return found;
}

} // namespace waybill
