#include "site_runtime/output.hpp"

#include <unistd.h>

#include <cerrno>

namespace site_runtime {

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR)
      return errno;
    if (written > 0)
      text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

} // namespace site_runtime
