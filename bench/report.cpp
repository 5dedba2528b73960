#include "report.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>

#include "waybill/caf_seam.hpp"

namespace waybill::bench {

namespace {

const char* verdict(bool ok) {
  return ok ? "ok" : "short";
}

} // namespace

void report::ratio(const std::string& name, double value, goal way,
                   double limit) {
  lines_.push_back({name, value, way, limit});
  std::printf("ratio %s %.3f %s%g %s\n", name.c_str(), value,
              way == goal::at_least ? ">=" : "<=", limit,
              verdict(lines_.back().ok()));
  std::fflush(stdout);
}

void report::figure(const std::string& name, double value,
                    const std::string& unit) {
  figures_[name] = {{"value", value}, {"unit", unit}};
  std::printf("figure %s %.6g %s\n", name.c_str(), value, unit.c_str());
  std::fflush(stdout);
}

void report::add(series x) {
  series_.push_back(std::move(x));
}

void report::progress(const std::string& what) {
  static const auto began = std::chrono::steady_clock::now();
  const std::chrono::duration<double> since = std::chrono::steady_clock::now()
                                              - began;
  std::fprintf(stderr, "[%6.1f s] %s\n", since.count(), what.c_str());
}

void report::print_table() const {
  std::printf("\n%-22s %10s %8s\n", "name", "value", "goal");
  for (const auto& x : lines_)
    std::printf("%-22s %10.3f  %s %-5g %s\n", x.name.c_str(), x.value,
                x.way == goal::at_least ? ">=" : "<=", x.limit,
                verdict(x.ok()));
}

void report::write(const std::filesystem::path& folder,
                   const std::string& name) const {
  std::filesystem::create_directories(folder);
  nlohmann::ordered_json all;
  all["quick"] = quick_;
  all["caf"] = caf_version();
  all["sqlite"] = sqlite3_libversion();
  all["processors"] = std::thread::hardware_concurrency();
  for (const auto& x : lines_)
    all["ratios"].push_back({{"name", x.name},
                             {"value", x.value},
                             {"goal", x.limit},
                             {"way", x.way == goal::at_least ? ">=" : "<="},
                             {"ok", x.ok()}});
  all["figures"] = figures_;
  for (const auto& x : series_) {
    all["series"][x.name] = {{"columns", x.columns}, {"rows", x.rows}};
    std::ofstream file{folder / (x.name + ".dat")};
    for (const auto& column : x.columns)
      file << column << '\t';
    file << '\n';
    for (const auto& row : x.rows) {
      for (const auto& cell : row)
        file << cell << '\t';
      file << '\n';
    }
  }
  std::ofstream{folder / (name + ".json")} << all.dump(2) << '\n';
}

double median(std::vector<double> values) {
  return percentile(std::move(values), 0.5);
}

double percentile(std::vector<double> values, double share) {
  if (values.empty())
    return std::nan("");
  std::ranges::sort(values);
  const auto place = std::ceil(share * static_cast<double>(values.size())) - 1;
  return values[static_cast<std::size_t>(std::max(place, 0.0))];
}

side_by_side interleave(int repeats, const std::function<double()>& a,
                        const std::function<double()>& b) {
  std::vector<double> as;
  std::vector<double> bs;
  std::vector<double> ratios;
  for (int i = 0; i < repeats; ++i) {
    if (i % 2 == 0) {
      as.push_back(a());
      bs.push_back(b());
    } else {
      bs.push_back(b());
      as.push_back(a());
    }
    ratios.push_back(as.back() / bs.back());
    report::progress(
      "  pair " + std::to_string(i + 1) + " of " + std::to_string(repeats)
      + ": " + std::to_string(as.back()) + " / " + std::to_string(bs.back())
      + " = " + std::to_string(ratios.back()));
  }
  return {median(as), median(bs), median(ratios)};
}

double seconds(const std::function<void()>& f) {
  const auto began = std::chrono::steady_clock::now();
  f();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now()
                                             - began;
  return took.count();
}

} // namespace waybill::bench
