#include <arpa/inet.h>

#include <array>
#include <string_view>

#include "waybill/http_server.hpp"
#include "waybill/whole_number.hpp"

namespace waybill::dashboard {

bool listen_address::is_loopback() const {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1)
    return (ntohl(address.s_addr) >> 24U) == 127U;
  return host == "::1";
}

std::optional<listen_address> parse_listen_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return std::nullopt;
  listen_address x;
  x.host = text.substr(0, colon);
  const auto port
    = whole_number<std::uint16_t>(std::string_view{text}.substr(colon + 1));
  if (!port)
    return std::nullopt;
  x.port = *port;
  if (x.host == "localhost")
    x.host = "127.0.0.1";
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET, x.host.c_str(), bytes.data()) == 1)
    return x;
  if (x.host.size() < 3 || x.host.front() != '[' || x.host.back() != ']')
    return std::nullopt;
  x.host = x.host.substr(1, x.host.size() - 2);
  if (::inet_pton(AF_INET6, x.host.c_str(), bytes.data()) != 1)
    return std::nullopt;
  return x;
}

} // namespace waybill::dashboard
