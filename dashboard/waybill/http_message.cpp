#include "waybill/http_message.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace waybill::dashboard {

namespace {

template <class Json>
http_response with_text(const Json& x) {
  http_response answer;
  answer.type = "application/json";
  answer.body = x.dump(-1, ' ', false, Json::error_handler_t::replace);
  return answer;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return std::nullopt;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
         || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_'
         || c == '~';
}

std::string blanks_for_pluses(std::string_view text) {
  std::string result{text};
  std::ranges::replace(result, '+', ' ');
  return result;
}

// FNV-1a: it tells answers apart, and guards nothing.
std::string tag_of(std::string_view body) {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325U;
  for (const auto byte : body)
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100'0000'01B3U;
  std::array<char, 32> text{};
  const auto size = std::snprintf(text.data(), text.size(), "\"%016llx-%zx\"",
                                  static_cast<unsigned long long>(hash),
                                  body.size());
  return {text.data(), static_cast<std::size_t>(size)};
}

// Whether a list of tags, or `*`, has this one.
bool names_tag(std::string_view list, std::string_view tag) {
  return list == "*" || list.find(tag) != std::string_view::npos;
}

} // namespace

std::optional<std::string> header_of(const http_response& x,
                                     std::string_view name) {
  for (const auto& [is, value] : x.headers)
    if (is == name)
      return value;
  return std::nullopt;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (high && low) {
        result += static_cast<char>(*high * 16 + *low);
        i += 2;
        continue;
      }
    }
    result += text[i];
  }
  return result;
}

std::string decoded_path(std::string_view text) {
  std::string result;
  for (;;) {
    const auto end = std::min(text.find('/'), text.size());
    for (const auto c : percent_decoded(text.substr(0, end)))
      if (c == '/')
        result += "%2F";
      else
        result += c;
    if (end == text.size())
      return result;
    result += '/';
    text.remove_prefix(end + 1);
  }
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const auto c : text) {
    if (is_unreserved(c)) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += digits[byte / 16U];
    result += digits[byte % 16U];
  }
  return result;
}

parameters parse_parameters(std::string_view text) {
  parameters all;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty())
      continue;
    const auto equals = std::min(part.find('='), part.size());
    const auto value = part.substr(std::min(equals + 1, part.size()));
    all.emplace_back(percent_decoded(blanks_for_pluses(part.substr(0, equals))),
                     percent_decoded(blanks_for_pluses(value)));
  }
  return all;
}

std::string to_query(const parameters& x) {
  std::string text;
  for (const auto& [name, value] : x) {
    text += text.empty() ? "" : "&";
    text += percent_encoded(name) + '=' + percent_encoded(value);
  }
  return text;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

http_response json_answer(const nlohmann::json& x) {
  return with_text(x);
}

http_response json_answer(const nlohmann::ordered_json& x) {
  return with_text(x);
}

http_response problem(int status, const std::string& detail) {
  const nlohmann::ordered_json x{{"title", std::string{reason_of(status)}},
                                 {"status", status},
                                 {"detail", detail}};
  auto answer = json_answer(x);
  answer.status = status;
  answer.type = "application/problem+json";
  return answer;
}

http_response with_tag(http_response x, const http_request& asked) {
  if (x.status != 200 || x.stream)
    return x;
  auto tag = tag_of(x.body);
  if (asked.if_none_match && names_tag(*asked.if_none_match, tag)) {
    x.status = 304;
    x.body.clear();
  }
  x.headers.emplace_back("ETag", std::move(tag));
  return x;
}

} // namespace waybill::dashboard
