// The torture suite: what a row of it is, and what a row reports.
//
// `torture` runs each row in a process of its own, so that one that crashes or
// hangs is a violation like any other, and prints one table at the end. A row
// keeps its oracle (what must be true) outside of what it makes fail.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::torture {

/// What a row found; safe to use from many threads.
class report {
public:
  report(std::string row, bool quick, std::uint64_t seed)
    : row_{std::move(row)}, quick_{quick}, seed_{seed} {}

  report(const report&) = delete;
  report& operator=(const report&) = delete;

  /// Whether minutes are what we have, not hours.
  [[nodiscard]] bool quick() const noexcept { return quick_; }

  /// `in_quick` or `in_full`, whichever run this is.
  template <class T>
  [[nodiscard]] T pick(T in_quick, T in_full) const noexcept {
    return quick_ ? in_quick : in_full;
  }

  /// The row's seed; all that is random in it comes from here.
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

  /// A generator of its own for part `n` of a row (a thread, a cycle), so that
  /// each part can be repeated alone.
  [[nodiscard]] std::mt19937_64 random(std::uint64_t n = 0) const {
    std::seed_seq mixed{seed_, seed_ >> 32, n, n >> 32};
    return std::mt19937_64{mixed};
  }

  /// Something has been tried `n` more times; prints progress now and then.
  /// @param of how many there will be, if that is known.
  void tried(std::int64_t n = 1, std::int64_t of = 0);

  /// A promise was broken. The first ones are printed, all are counted.
  void violation(const std::string& what);

  /// Called after the first violation, from the thread that has found it.
  void on_first_violation(std::function<void()> then) {
    on_first_violation_ = std::move(then);
  }

  /// Counts a violation unless `holds`.
  void require(bool holds, const std::string& what) {
    if (!holds)
      violation(what);
  }

  /// A figure for the table, such as `slowest answer 12 ms`.
  void figure(const std::string& text);

  [[nodiscard]] std::int64_t tries() const noexcept { return tried_; }
  [[nodiscard]] std::int64_t violations() const noexcept { return violations_; }
  [[nodiscard]] std::string figures() const;

private:
  const std::string row_;
  const bool quick_;
  const std::uint64_t seed_;
  std::atomic<std::int64_t> tried_{0};
  std::atomic<std::int64_t> violations_{0};
  std::function<void()> on_first_violation_;
  mutable std::mutex mutex_;
  std::string figures_;
  std::chrono::steady_clock::time_point next_progress_
    = std::chrono::steady_clock::now() + std::chrono::seconds{2};
};

/// When a row starts, compared with the others.
enum class turn : std::uint8_t {
  first, ///< It takes longest.
  any,
  alone, ///< It measures time or memory: no other may run beside it.
};

/// One row of the suite.
struct row {
  int number;
  /// What `--only` takes.
  const char* name;
  /// What is tried, for the table.
  const char* what;
  /// What is counted, for example `cycles`.
  const char* unit;
  /// Fewer tries than that are a violation.
  std::int64_t least_in_quick;
  turn when;
  std::function<void(report&)> run;
};

/// Calls `f(n)` for n = `first`, and every `step`th after it, as long as it
/// says that run n has met what it was to meet. Runs differ a little in how
/// much they do: the end is where none of the next five is met.
/// @returns the last n that was met.
template <class F>
std::int64_t sweep(F&& f, std::int64_t first = 1, std::int64_t step = 1) {
  std::int64_t last = 0;
  for (auto n = first; n <= last + std::max<std::int64_t>(step, 5); n += step)
    if (f(n))
      last = n;
  return last;
}

/// All rows, by number.
std::span<const row> rows();

/// A process that a row starts: `torture --child NAME ARGUMENT...`.
struct child {
  const char* name;
  std::function<int(const std::vector<std::string>& arguments)> run;
};

/// All of them.
std::span<const child> children();

/// The path of this program, to start a child with (support/program.hpp).
std::string own_path();

/// A scratch folder of this row's process in memory, where the system has that,
/// for files that are written so often that they would wear a disk out. The
/// runner removes it, however the row ends.
std::string memory_folder();

} // namespace waybill::torture
