#include "waybill/text_shape.hpp"

#include <algorithm>

namespace waybill {

namespace {

// Bytes of UTF-8 beyond ASCII are letters here.
bool is_numeral(char c) {
  return c >= '0' && c <= '9';
}

bool is_hexadecimal(char c) {
  return is_numeral(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_word(char c) {
  return is_numeral(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || c == '_' || static_cast<unsigned char>(c) >= 0x80U;
}

bool is_blank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20U || byte == 0x7FU;
}

template <class Is>
std::size_t run(std::string_view text, std::size_t at, Is&& is) {
  auto end = at;
  while (end < text.size() && is(text[end]))
    ++end;
  return end - at;
}

// How long what `form` describes is at the beginning of `text`, `d` for a digit
// and `h` for a hexadecimal one; 0 if it is not there.
std::size_t fits(std::string_view text, std::string_view form) {
  if (text.size() < form.size())
    return 0;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const auto c = text[i];
    const auto good = form[i] == 'd'   ? is_numeral(c)
                      : form[i] == 'h' ? is_hexadecimal(c)
                                       : c == form[i];
    if (!good)
      return 0;
  }
  return form.size();
}

bool ends_word(std::string_view text, std::size_t at) {
  return at >= text.size() || !is_word(text[at]);
}

// -- what is masked as a whole, at the beginning of a word --------------------

// Each gives its length, 0 if `text` does not begin with it.

std::size_t length_of_uuid(std::string_view text) {
  const auto size = fits(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh");
  return size > 0 && ends_word(text, size) ? size : 0;
}

// `2026-11-23T08:15:30.25Z`, `2026-11-23 08:15 +01:00`, and a day alone.
std::size_t length_of_time(std::string_view text) {
  auto size = fits(text, "dddd-dd-dd");
  if (size == 0)
    return 0;
  if (size < text.size() && (text[size] == 'T' || text[size] == ' ')) {
    const auto clock = text.substr(size + 1);
    if (auto at = fits(clock, "dd:dd")) {
      at += fits(clock.substr(at), ":dd");
      if (at < clock.size() && (clock[at] == '.' || clock[at] == ','))
        if (const auto digits = run(clock, at + 1, is_numeral))
          at += 1 + digits;
      const auto zone = clock.substr(at);
      at += std::max({fits(zone, "Z"), fits(zone, "+dd:dd"),
                      fits(zone, "-dd:dd"), fits(zone, " +dd:dd")});
      size += 1 + at;
    }
  }
  return ends_word(text, size) ? size : 0;
}

std::size_t length_of_port(std::string_view text) {
  if (text.empty() || text.front() != ':')
    return 0;
  const auto digits = run(text, 1, is_numeral);
  return digits > 0 && digits <= 5 && ends_word(text, 1 + digits) ? 1 + digits
                                                                  : 0;
}

std::size_t length_of_ipv4(std::string_view text) {
  std::size_t size = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (size >= text.size() || text[size] != '.')
        return 0;
      ++size;
    }
    const auto digits = run(text, size, is_numeral);
    if (digits == 0 || digits > 3)
      return 0;
    size += digits;
  }
  if (!ends_word(text, size))
    return 0;
  return size + length_of_port(text.substr(size));
}

std::size_t length_of_bare_ipv6(std::string_view text) {
  const auto size = run(text, 0,
                        [](char c) { return is_hexadecimal(c) || c == ':'; });
  const auto all = text.substr(0, size);
  const auto colons = std::ranges::count(all, ':');
  const auto is_short = all.find("::") != std::string_view::npos
                        && std::ranges::any_of(all, is_numeral);
  return (colons == 7 || (colons >= 2 && is_short)) && ends_word(text, size)
           ? size
           : 0;
}

// Also `[::1]:8080`.
std::size_t length_of_ipv6(std::string_view text) {
  if (text.front() != '[')
    return length_of_bare_ipv6(text);
  const auto inner = length_of_bare_ipv6(text.substr(1));
  if (inner == 0 || inner + 1 >= text.size() || text[inner + 1] != ']')
    return 0;
  return inner + 2 + length_of_port(text.substr(inner + 2));
}

// A word that nobody has made up: hexadecimal digits and letters, or long with
// many digits.
std::size_t length_of_id(std::string_view text) {
  constexpr std::size_t least_hex = 8;
  constexpr std::size_t least_mixed = 16;
  constexpr std::ptrdiff_t least_digits = 4;
  const auto size = run(text, 0, is_word);
  const auto word = text.substr(0, size);
  const auto digits = std::ranges::count_if(word, is_numeral);
  if (word.starts_with("0x") && size > 2
      && std::ranges::all_of(word.substr(2), is_hexadecimal))
    return size;
  if (digits == std::ssize(word) || digits == 0)
    return 0;
  if (size >= least_hex && std::ranges::all_of(word, is_hexadecimal))
    return size;
  return size >= least_mixed && digits >= least_digits
             && word.find('_') == std::string_view::npos
           ? size
           : 0;
}

// -- numbers ------------------------------------------------------------------

// `12`, `12.5`, `1,204`.
std::size_t length_of_number(std::string_view text) {
  auto size = run(text, 0, is_numeral);
  while (size > 0 && size + 1 < text.size()
         && (text[size] == '.' || text[size] == ',')
         && is_numeral(text[size + 1]))
    size += 1 + run(text, size + 1, is_numeral);
  return size;
}

bool is_http_status(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  if (fits(rest, "ddd") == 0 || rest[0] < '1' || rest[0] > '5'
      || !ends_word(rest, 3))
    return false;
  const auto before = text.substr(0, at);
  return at == 0 || before.ends_with("HTTP ") || before.ends_with("HTTP/1.1 ")
         || before.ends_with("HTTP/2 ");
}

struct mask {
  std::size_t size = 0;
  std::string_view text;
};

mask mask_at(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  const auto c = rest.front();
  const auto begins_word = at == 0 || !is_word(text[at - 1]);
  if (begins_word && (is_hexadecimal(c) || c == ':' || c == '['))
    if (const auto size = length_of_ipv6(rest))
      return {size, masks::address};
  if (begins_word && is_numeral(c)) {
    if (const auto size = length_of_time(rest))
      return {size, masks::time};
    if (const auto size = length_of_ipv4(rest))
      return {size, masks::address};
  }
  if (begins_word && is_word(c)) {
    if (const auto size = length_of_uuid(rest))
      return {size, masks::id};
    if (const auto size = length_of_id(rest))
      return {size, masks::id};
  }
  return {length_of_number(rest), masks::number};
}

// How long the word at the beginning of `text` is, if nothing in it can be
// masked; most are such.
std::size_t length_of_plain_word(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && is_word(text[size]))
    if (is_numeral(text[size++]))
      return 0;
  // The first part of an address, or of an id.
  const auto goes_on = size < text.size()
                       && (text[size] == ':'
                           || (text[size] == '-' && size == 8));
  return goes_on ? 0 : size;
}

// At most so many bytes, of which the last ones are a whole character.
std::string_view beginning(std::string_view text, std::size_t size) {
  if (text.size() <= size)
    return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
    --size;
  return text.substr(0, size);
}

} // namespace

void append_shape(std::string& to, std::string_view text) {
  const auto all = beginning(text, max_shaped);
  for (std::size_t at = 0; at < all.size();) {
    if (is_blank(all[at])) {
      to += ' ';
      at += run(all, at, is_blank);
    } else if (const auto plain = length_of_plain_word(all.substr(at));
               plain > 0) {
      to += all.substr(at, plain);
      at += plain;
    } else if (is_http_status(all, at)) {
      to += all.substr(at, 3);
      at += 3;
    } else if (const auto found = mask_at(all, at); found.size > 0) {
      to += found.text;
      at += found.size;
    } else {
      to += all[at++];
    }
  }
  if (all.size() < text.size())
    to += "…";
}

std::string shape_of(std::string_view text) {
  std::string shape;
  append_shape(shape, text);
  return shape;
}

} // namespace waybill
