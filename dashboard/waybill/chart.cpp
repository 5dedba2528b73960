#include "waybill/chart.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace waybill::dashboard {

namespace {

constexpr double height = 72;

// What stands at the top: a round number with room for itself above `largest`.
std::int64_t round_top(std::int64_t largest) {
  constexpr std::int64_t most = std::int64_t{1} << 60;
  if (largest <= 0 || largest > most)
    return std::max<std::int64_t>(largest, 1);
  const auto least = largest + std::max<std::int64_t>(largest / 4, 1);
  for (std::int64_t unit = 1;; unit *= 10)
    for (const auto step : {1, 2, 3, 4, 5, 6, 8})
      if (unit * step >= least)
        return unit * step;
}

std::string coordinate(double x) {
  std::array<char, 32> text{};
  const auto size = std::snprintf(text.data(), text.size(), "%.2f", x);
  std::string result{text.data(), static_cast<std::size_t>(size)};
  while (result.ends_with('0'))
    result.pop_back();
  if (result.ends_with('.'))
    result.pop_back();
  return result;
}

// How much lower than the top a value stands.
double place_of(std::int64_t value, std::int64_t top) {
  return height
         - height * static_cast<double>(value) / static_cast<double>(top);
}

std::string line_path(const std::vector<std::int64_t>& values,
                      std::int64_t top) {
  std::string path;
  bool is_drawn = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0) {
      is_drawn = false;
      continue;
    }
    const auto y = coordinate(place_of(values[i], top));
    path += is_drawn ? "V" + y : 'M' + std::to_string(i) + ' ' + y;
    path += 'H' + std::to_string(i + 1);
    is_drawn = true;
  }
  return path;
}

// Bars from `below` up; that is raised by them.
std::string bar_path(const std::vector<std::int64_t>& values, std::int64_t top,
                     std::vector<std::int64_t>& below) {
  std::string path;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] <= 0)
      continue;
    const auto from = coordinate(place_of(below[i], top));
    below[i] += values[i];
    const auto to = coordinate(place_of(below[i], top));
    const auto left = coordinate(static_cast<double>(i) + 0.1);
    const auto right = coordinate(static_cast<double>(i) + 0.9);
    path.append("M").append(left).append(" ").append(from);
    path.append("V").append(to).append("H").append(right);
    path.append("V").append(from);
  }
  return path;
}

std::int64_t largest_of(const chart& x, std::size_t width) {
  std::vector<std::int64_t> stacks(width);
  std::int64_t largest = 0;
  for (const auto& each : x.all)
    for (std::size_t i = 0; i < each.values.size(); ++i) {
      auto& stack = stacks[i];
      if (!each.is_line)
        stack += std::max<std::int64_t>(each.values[i], 0);
      largest = std::max({largest, each.is_line ? each.values[i] : stack});
    }
  return largest;
}

} // namespace

html svg_of(const chart& x) {
  std::size_t width = 1;
  for (const auto& each : x.all)
    width = std::max(width, each.values.size());
  const auto largest = largest_of(x, width);
  const auto top = round_top(largest);
  html out;
  out.add("<svg class=chart role=img width=\"100%\" height=90 aria-label=\"")
    .text(x.words)
    .add("\"><line class=hair x2=\"100%\" y1=.5 y2=.5 /><line class=hair "
         "x2=\"100%\" y1=72.5 y2=72.5 /><svg height=72 "
         "preserveAspectRatio=none viewBox=\"0 0 ")
    .text(std::to_string(width))
    .add(" 72\">");
  std::vector<std::int64_t> below(width);
  for (const auto& each : x.all) {
    const auto path = each.is_line ? line_path(each.values, top)
                                   : bar_path(each.values, top, below);
    if (path.empty())
      continue;
    out.add("<path class=\"").add(html{}.add(each.style));
    out.add(each.is_line ? html{}.add(" line") : html{}.add(" bars"));
    out.add("\" d=\"").text(path).add("\"/>");
  }
  out.add("</svg>");
  if (largest > 0)
    out.add("<text x=0 y=14>").number(top).add("</text>");
  out.add("<text x=0 y=87");
  if (!x.begin_time.empty())
    out.add(" data-time=\"").text(x.begin_time).add("\"");
  out.add(">").text(x.begin);
  out.add("</text><text x=\"100%\" y=87 text-anchor=end>").text(x.end);
  out.add("</text></svg>\n");
  return out;
}

} // namespace waybill::dashboard
