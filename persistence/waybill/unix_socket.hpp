// Unix sockets: their addresses, and who is at their other end.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <optional>
#include <string>

namespace waybill {

/// The address of a socket with a path, which an address has 107 bytes for: a
/// longer one is named by its folder's descriptor, as long as this lives.
class socket_address {
public:
  explicit socket_address(const std::string& path);
  ~socket_address();
  socket_address(const socket_address&) = delete;
  socket_address& operator=(const socket_address&) = delete;

  /// The errno of what is in the way of that; 0 if nothing is.
  [[nodiscard]] int fault() const noexcept { return fault_; }

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  static constexpr socklen_t size() noexcept { return sizeof(sockaddr_un); }

private:
  sockaddr_un address_{};
  int folder_ = -1;
  int fault_ = 0;
};

/// The user of who is connected; none if that cannot be told.
std::optional<uid_t> peer_of(int socket) noexcept;

/// The user's name, or `user 1000` if it has none that can be stored as an
/// operator's.
std::string user_name(uid_t user);

} // namespace waybill
