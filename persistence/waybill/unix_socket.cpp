#include "waybill/unix_socket.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "waybill/file_access.hpp"
#include "waybill/limits.hpp"
#include "waybill/text.hpp"

namespace waybill {

socket_address::socket_address(const std::string& path) {
  address_.sun_family = AF_UNIX;
  auto name = path;
  if (path.size() >= sizeof address_.sun_path) {
    const auto slash = path.rfind('/');
    const auto base = slash == std::string::npos ? 0 : slash + 1;
    folder_ = open_apart(base == 0 ? "." : path.substr(0, base),
                         O_PATH | O_CLOEXEC);
    if (folder_ < 0) {
      fault_ = errno;
      return;
    }
    name = "/proc/self/fd/" + std::to_string(folder_) + '/' + path.substr(base);
  }
  if (name.size() < sizeof address_.sun_path)
    std::memcpy(&address_.sun_path, name.c_str(), name.size() + 1);
  else
    fault_ = ENAMETOOLONG;
}

socket_address::~socket_address() {
  if (folder_ >= 0)
    ::close(folder_);
}

std::optional<uid_t> peer_of(int socket) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return std::nullopt;
  return peer.uid;
}

std::string user_name(uid_t user) {
  std::array<char, 4'096> text{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, text.data(), text.size(), &found) == 0
      && found != nullptr) {
    std::string name{found->pw_name};
    if (!name.empty() && name.size() <= limits::max_operator
        && is_valid_text(name))
      return name;
  }
  return "user " + std::to_string(user);
}

} // namespace waybill
