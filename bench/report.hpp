// What a benchmark run finds: ratios against goals, plain figures, series for
// plots; as text, JSON and data files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace waybill::bench {

/// Which way a goal is met.
enum class goal : std::uint8_t { at_least, at_most };

/// A table of numbers under names, for one plot.
struct series {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

class report {
public:
  explicit report(bool quick) : quick_{quick} {}

  /// Sizes and counts differ between a quick and a full run.
  [[nodiscard]] bool quick() const noexcept { return quick_; }

  template <class T>
  T pick(T quick, T full) const {
    return quick_ ? quick : full;
  }

  /// Records a line of the table and prints it.
  void ratio(const std::string& name, double value, goal way, double limit);

  /// Records a plain figure, with its unit, and prints it.
  void figure(const std::string& name, double value, const std::string& unit);

  void add(series x);

  /// Says what is being done, on standard error.
  static void progress(const std::string& what);

  /// The ratios as a table.
  void print_table() const;

  /// Writes `NAME.json` and a data file for each series.
  void write(const std::filesystem::path& folder,
             const std::string& name) const;

private:
  struct line {
    std::string name;
    double value;
    goal way;
    double limit;
    [[nodiscard]] bool ok() const {
      return way == goal::at_least ? value >= limit : value <= limit;
    }
  };

  bool quick_;
  std::vector<line> lines_;
  nlohmann::ordered_json figures_ = nlohmann::ordered_json::object();
  std::vector<series> series_;
};

/// The middle one; the lower of two.
double median(std::vector<double> values);

/// The smallest value that `share` (0 to 1) of all values do not exceed.
double percentile(std::vector<double> values, double share);

/// Two ways of doing the same, one after the other, the first to go changing
/// each time, so that what else the machine does meets both.
struct side_by_side {
  double a = 0;     ///< median of the first
  double b = 0;     ///< median of the second
  double ratio = 0; ///< median of a/b, pair by pair
};

side_by_side interleave(int repeats, const std::function<double()>& a,
                        const std::function<double()>& b);

/// Seconds that `f` takes.
double seconds(const std::function<void()>& f);

} // namespace waybill::bench
