#include "output/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>

namespace waybill::cli {

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

// What COLUMNS says; 0 if that is nothing sensible.
std::size_t wanted_columns() {
  const auto text = environment("COLUMNS");
  std::size_t columns = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, columns);
  return error == std::errc{} && stop == end ? columns : 0;
}

} // namespace

colour colour_of(tracking_status status) {
  switch (status) {
    case tracking_status::submitted:
      return colour::dim;
    case tracking_status::retrying:
      return colour::cyan;
    case tracking_status::delivered:
      return colour::green;
    case tracking_status::parked:
      return colour::yellow;
    case tracking_status::failed:
      return colour::red;
    case tracking_status::discarded:
      return colour::magenta;
  }
  return colour::none;
}

terminal terminal::of(int fd, colour_choice colours) {
  terminal x;
  x.fd_ = fd;
  x.terminal_ = isatty(fd) == 1;
  x.interactive_ = x.terminal_ && environment("TERM") != "dumb";
  x.coloured_ = colours == colour_choice::always
                || (colours == colour_choice::automatic && x.interactive_
                    && environment("NO_COLOR").empty());
  x.utf8_ = locale_is_utf8();
  return x;
}

std::size_t terminal::width() const {
  if (!terminal_)
    return 0;
  if (const auto columns = wanted_columns(); columns > 0)
    return columns;
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

} // namespace waybill::cli
