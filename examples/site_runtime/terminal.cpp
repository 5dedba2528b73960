#include "site_runtime/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace site_runtime {

namespace {

std::string_view environment(const char* name) {
  const auto* const value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

// The first of these that is set decides about characters (POSIX).
bool locale_is_utf8() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const auto value = environment(name); !value.empty())
      return value.find("UTF-8") != std::string_view::npos
             || value.find("utf8") != std::string_view::npos;
  return false;
}

} // namespace

colour colour_of(waybill::tracking_status status) {
  using enum waybill::tracking_status;
  switch (status) {
    case submitted:
      return colour::dim;
    case retrying:
      return colour::cyan;
    case delivered:
      return colour::green;
    case parked:
      return colour::yellow;
    case failed:
      return colour::red;
    case discarded:
      return colour::magenta;
  }
  return colour::none;
}

terminal terminal::of(int fd) {
  terminal x;
  x.fd_ = fd;
  x.interactive_ = isatty(fd) == 1 && environment("TERM") != "dumb";
  x.coloured_ = x.interactive_ && environment("NO_COLOR").empty();
  x.utf8_ = locale_is_utf8();
  return x;
}

std::size_t terminal::width() const {
  winsize size{};
  if (ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

std::string terminal::paint(colour x, std::string_view text) const {
  if (!coloured_ || x == colour::none || text.empty())
    return std::string{text};
  // In the order of the enumerators; the first is not used.
  static constexpr std::array<std::string_view, 8> codes{"",   "1",  "2",
                                                         "32", "33", "31",
                                                         "35", "36"};
  std::string painted = "\x1b[";
  painted += codes.at(static_cast<std::size_t>(x));
  painted += 'm';
  painted += text;
  return painted += "\x1b[0m";
}

std::string terminal::fit(std::string text, std::size_t used) const {
  if (!interactive_)
    return text;
  const auto all = width();
  auto room = std::max(all, used + 8) - used;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // One column a character: right for all but the widest scripts.
    const auto begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (begins && room-- == 0) {
      do
        --i;
      while ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U);
      return text.substr(0, i) + (utf8_ ? "…" : "~");
    }
  }
  return text;
}

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
