// Shows how far long work has got, on standard error, if that is a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "output/terminal.hpp"

namespace waybill::cli {

struct progress_figures {
  std::int64_t done = 0;
  /// 0 if it is not known.
  std::int64_t total = 0;
  std::chrono::milliseconds elapsed{0};
};

/// What `done` and `total` count.
enum class progress_unit : std::uint8_t {
  items,
  bytes,
  /// Parts of the work that mean nothing to people: shown as a percentage.
  parts,
  /// What someone else does: how fast tells nothing.
  events,
};

/// A line like `exported 12000 of 40000 (30 %), 4000/s, 7 s left`, in at most
/// `width` columns; 0: any number.
std::string render_progress(const std::string& verb, progress_unit unit,
                            const progress_figures& x, std::size_t width);

/// Owns the last line of standard error while the work lasts.
class progress {
public:
  /// @param verb what has been done, for example `exported`.
  progress(terminal screen, std::string verb,
           progress_unit unit = progress_unit::items);

  /// Removes the line.
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// Whether anything is shown at all.
  [[nodiscard]] bool is_shown() const noexcept;

  /// Shows the figures if it is time to.
  void show(std::int64_t done, std::int64_t total);

  /// Removes the line, until the next `show`.
  void clear() noexcept;

  /// Shows the figures and says whether to go on; false after a signal. For
  /// store_reader.
  [[nodiscard]] std::function<bool(std::int64_t, std::int64_t)> until_stopped();

private:
  using clock = std::chrono::steady_clock;

  const terminal screen_;
  const std::string verb_;
  const progress_unit unit_;
  const clock::time_point began_ = clock::now();
  clock::time_point next_;
  bool visible_ = false;
};

} // namespace waybill::cli
