// What is built where there is no libmicrohttpd.
#include "waybill/http_server.hpp"

namespace waybill::dashboard {

class http_server::state {};

bool has_http_server() noexcept {
  return false;
}

http_server::http_server(const listen_address&, handler, const server_bounds&) {
  throw server_error{"was built without libmicrohttpd"};
}

http_server::~http_server() = default;

std::string http_server::url() const {
  return {};
}

void http_server::drop_the_slow() {}

} // namespace waybill::dashboard
