// What a stream can show: colours, how wide, which characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "waybill/tracking_status.hpp"

namespace waybill::cli {

enum class colour : std::uint8_t {
  none,
  bold,
  dim,
  green,
  yellow,
  red,
  magenta,
  cyan
};

/// When colours are used.
enum class colour_choice : std::uint8_t {
  /// On a terminal, unless NO_COLOR is set or TERM is `dumb`.
  automatic,
  always,
  never,
};

/// The colour in which a status is shown everywhere.
colour colour_of(tracking_status status);

/// What can be written to one of the standard streams.
class terminal {
public:
  /// No terminal: no colours, no width.
  terminal() noexcept = default;

  /// Looks at the stream and at the environment: TERM, NO_COLOR
  /// (https://no-color.org), COLUMNS and the locale.
  static terminal of(int fd, colour_choice colours = colour_choice::automatic);

  /// False for a file or a pipe.
  [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }

  /// False for a file, a pipe or a terminal that cannot move its cursor.
  [[nodiscard]] bool is_interactive() const noexcept { return interactive_; }

  /// True if characters outside ASCII are shown as what they are.
  [[nodiscard]] bool shows_utf8() const noexcept { return utf8_; }

  /// The width now, in columns: COLUMNS, or what the terminal says, or 80; 0,
  /// which means no limit, if it is no terminal.
  [[nodiscard]] std::size_t width() const;

  /// `text` in that colour, or as it is where there are no colours.
  [[nodiscard]] std::string paint(colour x, std::string_view text) const;

  /// What stands for text that was cut off, one column wide.
  [[nodiscard]] std::string_view ellipsis() const noexcept {
    return utf8_ ? "…" : "~";
  }

private:
  int fd_ = -1;
  bool terminal_ = false;
  bool interactive_ = false;
  bool coloured_ = false;
  bool utf8_ = true;
};

} // namespace waybill::cli
