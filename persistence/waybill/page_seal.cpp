#include "waybill/page_seal.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "waybill/file_format.hpp"

namespace waybill::sqlite {

namespace {

constexpr std::size_t content_bytes = page_bytes - seal_bytes;

using content_copy = std::array<std::uint8_t, content_bytes>;

std::uint64_t load(const std::uint8_t* from) noexcept {
  std::uint64_t x = 0;
  std::memcpy(&x, from, sizeof x);
  if constexpr (std::endian::native == std::endian::big)
    x = __builtin_bswap64(x);
  return x;
}

void store(std::uint8_t* to, std::uint64_t x) noexcept {
  if constexpr (std::endian::native == std::endian::big)
    x = __builtin_bswap64(x);
  std::memcpy(to, &x, sizeof x);
}

void clear(content_copy& content, std::size_t from, std::size_t n) noexcept {
  std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(from), n,
              std::uint8_t{0});
}

content_copy copy_of(file_format::bytes page) noexcept {
  content_copy content{};
  std::memcpy(content.data(), page.data(), content_bytes);
  // Zero in a file of schema version 1.
  clear(content, file_format::expansion_at, file_format::expansion_bytes);
  return content;
}

// What backup.c and pager.c of SQLite change in a copy: the change counter, the
// schema's cookie, and which SQLite changed it last and when.
std::uint64_t seal_of_first(file_format::bytes page) noexcept {
  auto content = copy_of(page);
  clear(content, 24, 4);
  clear(content, 40, 4);
  clear(content, 92, 8);
  return seal_of(content, 0);
}

std::uint64_t wanted_seal(file_format::bytes page,
                          std::uint64_t number) noexcept {
  return number == 0 ? seal_of_first(page)
                     : seal_of(page.first(content_bytes), number);
}

} // namespace

// XXH64's rounds (https://github.com/Cyan4973/xxHash) on four lanes: any change
// within eight aligned bytes is found for certain, any other with all but
// 2^-64.
std::uint64_t seal_of(std::span<const std::uint8_t> content,
                      std::uint64_t number) noexcept {
  constexpr std::uint64_t p1 = 0x9E37'79B1'85EB'CA87U;
  constexpr std::uint64_t p2 = 0xC2B2'AE3D'27D4'EB4FU;
  constexpr std::uint64_t p3 = 0x1656'67B1'9E37'79F9U;
  const auto round = [](std::uint64_t lane, std::uint64_t word) {
    return std::rotl(lane + word * p2, 31) * p1;
  };
  auto a = number + p1 + p2;
  auto b = number + p2;
  auto c = number;
  auto d = number - p1;
  const auto* at = content.data();
  const auto* const end = at + content.size();
  for (; end - at >= 32; at += 32) {
    a = round(a, load(at));
    b = round(b, load(at + 8));
    c = round(c, load(at + 16));
    d = round(d, load(at + 24));
  }
  auto sum = number * p3;
  for (const auto lane : {a, b, c, d})
    sum = (sum ^ round(0, lane)) * p1 + p3;
  for (; end - at >= 8; at += 8)
    sum = std::rotl(sum ^ round(0, load(at)), 27) * p1 + p3;
  for (; at != end; ++at)
    sum = std::rotl(sum ^ *at * p3, 11) * p1;
  sum = (sum ^ sum >> 33U) * p2;
  sum = (sum ^ sum >> 29U) * p3;
  return sum ^ sum >> 32U;
}

void seal(std::span<std::uint8_t, page_bytes> page,
          std::uint64_t number) noexcept {
  store(page.data() + content_bytes, wanted_seal(page, number));
}

bool is_sealed(std::span<const std::uint8_t, page_bytes> page,
               std::uint64_t number) noexcept {
  const auto found = load(page.data() + content_bytes);
  return found == wanted_seal(page, number)
         || (number == 0 && found == seal_of(copy_of(page), 0));
}

} // namespace waybill::sqlite
