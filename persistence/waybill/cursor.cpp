#include "waybill/cursor.hpp"

#include <charconv>
#include <string_view>

#include "waybill/json.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

namespace {

// Of what decides which operations come in which order.
std::uint64_t fingerprint(const list_operations& request,
                          std::string_view store) {
  // FNV-1a: it guards against mistakes, not against malice.
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325U;
  for (const auto byte : to_json_text(request.filter) + to_string(request.order)
                           + std::string{store})
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100'0000'01B3U;
  return hash & 0xFFFF'FFFFU;
}

std::string to_hex(std::uint64_t x) {
  char text[16];
  const auto end = std::to_chars(std::begin(text), std::end(text), x, 16);
  return {std::begin(text), end.ptr};
}

// Cuts a number off that ends with '.' or with the text.
std::optional<std::uint64_t> cut_hex(std::string_view& text) {
  const auto dot = text.find('.');
  const auto part = text.substr(0, dot);
  text.remove_prefix(dot == text.npos ? text.size() : dot + 1);
  std::uint64_t x = 0;
  const auto end = std::from_chars(part.data(), part.data() + part.size(), x,
                                   16);
  if (part.empty() || end.ec != std::errc{}
      || end.ptr != part.data() + part.size())
    return std::nullopt;
  return x;
}

} // namespace

std::string to_cursor(const list_place& x, const list_operations& request,
                      std::string_view store) {
  return to_hex(static_cast<std::uint64_t>(x.key)) + "."
         + to_hex(static_cast<std::uint64_t>(x.seq)) + "."
         + to_hex(fingerprint(request, store));
}

list_place parse_cursor(const std::string& text, const list_operations& request,
                        std::string_view store) {
  std::string_view rest{text};
  const auto key = cut_hex(rest);
  const auto seq = cut_hex(rest);
  const auto print = cut_hex(rest);
  if (!key || !seq || !print || !rest.empty())
    throw store_error{errc::invalid_request,
                      "cursor: is none that a list has given"};
  if (*print != fingerprint(request, store))
    throw store_error{errc::invalid_request,
                      "cursor: is of a list with another filter or order, or "
                      "of another store"};
  return {static_cast<std::int64_t>(*key), static_cast<std::int64_t>(*seq)};
}

} // namespace waybill
