#include "site_runtime/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <utility>
#include <vector>

namespace site_runtime {

namespace {

using namespace std::chrono_literals;
using waybill::tracking_status;
using waybill::cli::colour;
using waybill::cli::colour_of;

constexpr std::array shown_statuses{
  tracking_status::delivered, tracking_status::parked, tracking_status::failed,
  tracking_status::discarded, tracking_status::retrying};

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// `312/500`, with a `+` while there may be more.
std::string done_of_all(const progress_figures& x) {
  return std::to_string(x.counts.finished()) + '/'
         + std::to_string(x.counts.all()) + (x.all_read ? "" : "+");
}

std::string clock(std::chrono::milliseconds elapsed) {
  const auto seconds = elapsed / 1s;
  const auto two = [](auto n) {
    return (n < 10 ? "0" : "") + std::to_string(n);
  };
  if (seconds >= 3'600)
    return std::to_string(seconds / 3'600) + ':' + two(seconds / 60 % 60) + ':'
           + two(seconds % 60);
  return std::to_string(seconds / 60) + ':' + two(seconds % 60);
}

std::string rate(const progress_figures& x) {
  return std::to_string(std::lround(x.rate)) + "/s";
}

// A bar of `width` cells, in which each status has its share.
std::string cells(const status_counts& counts, const terminal& out,
                  std::size_t width) {
  struct part {
    tracking_status status;
    std::string_view glyph;
  };
  const auto utf8 = out.shows_utf8();
  const std::string_view full = utf8 ? "█" : "#";
  const std::string_view half = utf8 ? "▒" : "=";
  const std::string_view rest = utf8 ? "░" : "-";
  std::array<part, shown_statuses.size()> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts.at(i) = {shown_statuses.at(i),
                   is_terminal(shown_statuses.at(i)) ? full : half};

  std::string bar;
  const auto all = std::max<std::int64_t>(counts.all(), 1);
  std::size_t begin = 0;
  std::int64_t sum = 0;
  const auto append = [&](colour x, std::string_view glyph, std::size_t end) {
    std::string run;
    for (; begin < end; ++begin)
      run += glyph;
    bar += out.paint(x, run);
  };
  for (const auto& [status, glyph] : parts) {
    sum += counts[status];
    append(colour_of(status), glyph,
           width * static_cast<std::size_t>(sum)
             / static_cast<std::size_t>(all));
  }
  append(colour::dim, rest, width);
  return bar;
}

} // namespace

std::string render_bar(const progress_figures& x, const terminal& out,
                       std::size_t width) {
  // The figures, the most important first; what does not fit is left out.
  struct piece {
    std::string text;
    colour shade = colour::none;
  };
  std::vector<piece> pieces{{done_of_all(x), colour::bold},
                            {clock(x.elapsed), colour::none}};
  for (const auto status : shown_statuses)
    if (x.counts[status] > 0)
      pieces.push_back(
        {std::to_string(x.counts[status]) + ' ' + lower(to_string(status)),
         colour_of(status)});
  pieces.push_back({rate(x), colour::none});

  constexpr std::size_t shortest_bar = 10;
  constexpr std::size_t longest_bar = 40;
  std::size_t used = 0;
  std::string figures;
  for (const auto& [text, shade] : pieces) {
    // A terminal wraps when its last column is written, so that stays free.
    if (used + 2 + text.size() + 1 > width)
      break;
    if (used + 2 + text.size() + shortest_bar + 1 > width && used > 0)
      break;
    used += 2 + text.size();
    figures += "  " + out.paint(shade, text);
  }
  const auto room = width > used + 1 ? width - used - 1 : 0;
  return cells(x.counts, out, std::min(room, longest_bar)) + figures;
}

std::string render_line(const progress_figures& x) {
  std::string line = clock(x.elapsed) + "  " + done_of_all(x) + " done";
  const char* separator = ": ";
  for (const auto status : shown_statuses)
    if (x.counts[status] > 0)
      line += std::exchange(separator, ", ")
              + (std::to_string(x.counts[status]) + ' '
                 + lower(to_string(status)));
  return line + "; " + rate(x);
}

void progress::show(const progress_figures& x) {
  if (x.elapsed < next_ || (!out_.is_interactive() && x.elapsed < 1s))
    return;
  const std::lock_guard guard{mutex_};
  if (out_.is_interactive()) {
    next_ = x.elapsed + 100ms;
    bar_ = render_bar(x, out_, out_.width());
    std::cerr << "\r" << bar_ << "\x1b[K" << std::flush;
  } else {
    next_ = x.elapsed + 1s;
    print_line(x);
  }
}

void progress::finish(const progress_figures& x) {
  clear();
  const std::lock_guard guard{mutex_};
  if (!out_.is_interactive())
    print_line(x);
}

void progress::print_line(const progress_figures& x) {
  auto line = render_line(x);
  if (line != last_line_)
    std::cerr << line << std::endl;
  last_line_ = std::move(line);
}

void progress::note(const std::string& line) {
  const std::lock_guard guard{mutex_};
  if (bar_.empty())
    std::cerr << line << std::endl;
  else
    std::cerr << "\r\x1b[K" << line << '\n' << bar_ << std::flush;
}

void progress::clear() {
  const std::lock_guard guard{mutex_};
  if (!bar_.empty())
    std::cerr << "\r\x1b[K" << std::flush;
  bar_.clear();
}

} // namespace site_runtime
