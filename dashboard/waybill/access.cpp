#include "waybill/access.hpp"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace waybill::dashboard {

namespace {

std::string in_small_letters(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Without a port: `[::1]:8080` is `::1`. None if it is no host.
std::optional<std::string> host_without_port(std::string_view host) {
  const auto is_port = [](std::string_view text) {
    return text.empty()
           || (text.front() == ':' && text.size() > 1 && text.size() <= 6
               && text.find_first_not_of("0123456789", 1) == text.npos);
  };
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == host.npos || !is_port(host.substr(end + 1)))
      return std::nullopt;
    return std::string{host.substr(1, end - 1)};
  }
  const auto colon = std::min(host.find(':'), host.size());
  if (colon == 0 || !is_port(host.substr(colon)))
    return std::nullopt;
  return in_small_letters(host.substr(0, colon));
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1
         || ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> cookie_of(std::string_view all,
                                          std::string_view wanted) {
  while (!all.empty()) {
    const auto end = std::min(all.find(';'), all.size());
    const auto part = without_blanks(all.substr(0, end));
    all.remove_prefix(std::min(end + 1, all.size()));
    const auto equals = part.find('=');
    if (equals != part.npos && part.substr(0, equals) == wanted)
      return part.substr(equals + 1);
  }
  return std::nullopt;
}

} // namespace

std::string make_session() {
  std::array<unsigned char, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0)
      != static_cast<ssize_t>(bytes.size()))
    throw std::system_error{errno, std::generic_category(), "random bytes"};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += digits[byte / 16U];
    text += digits[byte % 16U];
  }
  return text;
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size())
    return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i])
                  ^ static_cast<unsigned>(static_cast<unsigned char>(b[i]));
  return difference == 0;
}

bool is_host_allowed(const access_rules& x, const std::string& host) {
  const auto name = host_without_port(host);
  return name
         && (*name == "localhost" || is_address(*name)
             || std::ranges::any_of(x.host_names, [&](const auto& each) {
                  return in_small_letters(each) == *name;
                }));
}

bool may_ask(const access_rules& x, const http_request& asked) {
  if (!x.token)
    return true;
  constexpr std::string_view scheme = "bearer ";
  if (asked.authorization) {
    const std::string_view value{*asked.authorization};
    if (in_small_letters(value.substr(0, scheme.size())) == scheme)
      return same_secret(without_blanks(value.substr(scheme.size())), *x.token);
  }
  const auto cookie = asked.cookie ? cookie_of(*asked.cookie, x.cookie)
                                   : std::nullopt;
  return cookie && !x.session.empty() && same_secret(*cookie, x.session);
}

bool is_from_here(const http_request& asked) {
  if (asked.sec_fetch_site && *asked.sec_fetch_site != "same-origin")
    return false;
  if (!asked.origin)
    return true;
  for (const std::string_view scheme : {"http://", "https://"})
    if (asked.origin->starts_with(scheme))
      return asked.host
             && in_small_letters(asked.origin->substr(scheme.size()))
                  == in_small_letters(*asked.host);
  return false; // `null`, for one
}

std::string session_cookie(const access_rules& x) {
  return x.cookie + '=' + x.session + "; HttpOnly; SameSite=Strict";
}

} // namespace waybill::dashboard
