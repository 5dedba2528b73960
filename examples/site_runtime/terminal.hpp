// What a stream can show: colours, how wide, which characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "waybill/tracking_status.hpp"

namespace site_runtime {

enum class colour { none, bold, dim, green, yellow, red, magenta, cyan };

/// The colour in which a status is shown everywhere.
colour colour_of(waybill::tracking_status status);

/// What can be written to one of the standard streams.
class terminal {
public:
  /// Looks at the stream and at the environment: TERM, NO_COLOR
  /// (https://no-color.org) and the locale.
  static terminal of(int fd);

  /// False for a file, a pipe or a terminal that cannot move its cursor.
  [[nodiscard]] bool is_interactive() const { return interactive_; }

  /// True if characters outside ASCII are shown as what they are.
  [[nodiscard]] bool shows_utf8() const { return utf8_; }

  /// The width now, in columns; it changes when a window is resized.
  [[nodiscard]] std::size_t width() const;

  /// `text` in that colour, or as it is where there are no colours.
  [[nodiscard]] std::string paint(colour x, std::string_view text) const;

  /// `text`, cut to what fits into a line in which `used` columns are taken.
  /// Only a terminal has a width; elsewhere nothing is cut.
  [[nodiscard]] std::string fit(std::string text, std::size_t used) const;

private:
  int fd_ = -1;
  bool interactive_ = false;
  bool coloured_ = false;
  bool utf8_ = false;
};

/// Writes all of `text`.
/// @returns 0, or the error number, for example EPIPE if nobody reads any more.
int write_all(int fd, std::string_view text);

} // namespace site_runtime
