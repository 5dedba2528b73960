#include "output/table.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "output/text_width.hpp"

namespace waybill::cli {

namespace {

constexpr std::size_t gap = 2;

} // namespace

table::table(std::vector<column> columns, const terminal& screen, bool limited)
  : columns_{std::move(columns)},
    screen_{screen},
    limited_{limited},
    natural_(columns_.size()),
    filled_(columns_.size(), false),
    shown_(columns_.size(), true) {
  for (std::size_t i = 0; i < columns_.size(); ++i)
    natural_[i] = width_of(columns_[i].title);
}

void table::keep_at_least(std::size_t i, std::size_t width) {
  columns_[i].least = std::max(columns_[i].least, width);
}

void table::expect(std::size_t i, std::size_t width) {
  natural_[i] = std::max(natural_[i], width);
}

void table::add(std::vector<cell> row) {
  rows_.push_back(std::move(row));
}

std::size_t table::least_width(std::size_t i) const {
  return columns_[i].least == 0 ? natural_[i]
                                : std::min(columns_[i].least, natural_[i]);
}

void table::measure() {
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) {
      natural_[i] = std::max(natural_[i], width_of(row[i].text));
      filled_[i] = filled_[i] || !row[i].text.empty();
    }
}

// Columns with nothing in them go first.
bool table::goes_before(std::size_t i, std::size_t k) const {
  if (filled_[i] != filled_[k])
    return !filled_[i];
  return columns_[i].left_out > columns_[k].left_out;
}

void table::leave_out(std::size_t room) {
  for (;;) {
    std::size_t needed = 0;
    std::size_t next = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!shown_[i])
        continue;
      needed += (needed == 0 ? 0 : gap) + least_width(i);
      if (columns_[i].left_out > 0
          && (next == columns_.size() || goes_before(i, next)))
        next = i;
    }
    if (needed <= room || next == columns_.size())
      return;
    shown_[next] = false;
  }
}

// All rows are known: a column with nothing in it tells nothing.
void table::leave_out_empty() {
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (!filled_[i] && columns_[i].left_out > 0)
      shown_[i] = false;
}

// Gives `room` to columns that are narrower than wanted.
void table::grow(std::vector<std::size_t>& widths,
                 const std::vector<std::size_t>& wanted,
                 std::size_t& room) const {
  std::vector<std::size_t> growing;
  for (std::size_t i = 0; i < widths.size(); ++i)
    if (shown_[i] && widths[i] < wanted[i])
      growing.push_back(i);
  while (!growing.empty()) {
    // The narrowest of those whose turn it is.
    const auto next = std::ranges::min_element(growing, {}, [&](std::size_t i) {
      return std::pair{columns_[i].grows, widths[i]};
    });
    const auto i = *next;
    const auto step = columns_[i].cut == cutting::beginning
                        ? wanted[i] - widths[i]
                        : std::size_t{1};
    if (step <= room) {
      widths[i] += step;
      room -= step;
    }
    if (step > room || widths[i] == wanted[i])
      growing.erase(next);
  }
}

std::vector<std::size_t> table::widths_within(std::size_t room) const {
  std::vector<std::size_t> widths(columns_.size());
  std::vector<std::size_t> enough(columns_.size());
  std::size_t used = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    widths[i] = least_width(i);
    enough[i] = columns_[i].enough == 0
                  ? natural_[i]
                  : std::min(columns_[i].enough, natural_[i]);
    // What is cut to a beginning comes after all texts.
    if (columns_[i].cut == cutting::beginning)
      enough[i] = widths[i];
    if (shown_[i])
      used += (used == 0 ? 0 : gap) + widths[i];
  }
  auto left = room > used ? room - used : 0;
  grow(widths, enough, left);
  grow(widths, natural_, left);
  return widths;
}

std::string table::fitted(const std::string& text, std::size_t i,
                          std::size_t width) const {
  switch (columns_[i].cut) {
    case cutting::end:
      break;
    case cutting::middle:
      return fit_middle(text, width, screen_.ellipsis());
    case cutting::beginning: // of ASCII
      return text.substr(0, width);
  }
  return fit(text, width, screen_.ellipsis());
}

std::string table::render(const std::vector<cell>& row,
                          const std::vector<std::size_t>& widths) const {
  std::string line;
  std::size_t owed = 0; // blanks before the next text; none end a line
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!shown_[i])
      continue;
    const auto text = fitted(row[i].text, i, widths[i]);
    const auto padding = widths[i] - width_of(text);
    const auto right = columns_[i].align == alignment::right;
    owed += right ? padding : 0;
    if (!text.empty()) {
      line.append(owed, ' ').append(screen_.paint(row[i].shade, text));
      owed = 0;
    }
    owed += gap + (right ? 0 : padding);
  }
  return line += '\n';
}

std::string table::take(bool is_all) {
  measure();
  if (!is_all)
    filled_.assign(filled_.size(), true);
  const auto room = limited_ ? screen_.width() : 0;
  if (room > 0 && !begun_) {
    if (is_all)
      leave_out_empty();
    leave_out(room);
  }
  const auto widths = room > 0 ? widths_within(room) : natural_;
  std::string text;
  if (!std::exchange(begun_, true)) {
    std::vector<cell> headings;
    for (const auto& each : columns_)
      headings.push_back({each.title, colour::bold});
    text += render(headings, widths);
  }
  for (const auto& row : rows_)
    text += render(row, widths);
  rows_.clear();
  return text;
}

cell count_cell(std::int64_t n, colour shade) {
  return n == 0 ? cell{".", colour::dim} : cell{std::to_string(n), shade};
}

void detail_list::add(std::string name, std::string value, colour shade) {
  lines_.push_back({std::move(name), std::move(value), shade});
}

std::string detail_list::text() const {
  const auto width
    = std::accumulate(lines_.begin(), lines_.end(), std::size_t{0},
                      [](std::size_t widest, const line& each) {
                        return std::max(widest, width_of(each.name));
                      });
  std::string text;
  for (const auto& [name, value, shade] : lines_) {
    text += "  " + screen_.paint(colour::dim, name);
    text.append(width - width_of(name) + gap, ' ');
    text += screen_.paint(shade, value) + '\n';
  }
  return text;
}

} // namespace waybill::cli
