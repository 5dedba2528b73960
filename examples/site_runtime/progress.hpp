// Shows how a run is getting on, on standard error: a bar on a terminal, else a
// line each second.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "output/terminal.hpp"
#include "site_runtime/ledger.hpp"

namespace site_runtime {

using waybill::cli::terminal;

struct progress_figures {
  status_counts counts;
  /// False while there may be more input.
  bool all_read = false;
  std::chrono::milliseconds elapsed{0};
  /// Finished in this run, a second.
  double rate = 0;
};

/// The bar with its figures, in at most `width` columns.
std::string render_bar(const progress_figures& x, const terminal& out,
                       std::size_t width);

/// The same as a line of text.
std::string render_line(const progress_figures& x);

/// Owns standard error while a run lasts. Thread-safe.
class progress {
public:
  explicit progress(terminal out) : out_{out} {}

  /// Removes the bar.
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// Shows the figures if it is time to.
  void show(const progress_figures& x);

  /// Removes the bar; without one, shows a last line if figures have changed.
  void finish(const progress_figures& x);

  /// Prints a line above the bar.
  void note(const std::string& line);

private:
  void clear();
  void print_line(const progress_figures& x);

  const terminal out_;
  std::mutex mutex_;
  std::string bar_;
  std::string last_line_;
  std::chrono::milliseconds next_{0};
};

} // namespace site_runtime
