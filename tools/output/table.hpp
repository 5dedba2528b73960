// Tables for people: columns as wide as what is in them, within the terminal's
// width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "output/terminal.hpp"

namespace waybill::cli {

enum class alignment : std::uint8_t { left, right };

/// How a text is made to fit a column.
enum class cutting : std::uint8_t {
  /// Its end is cut off, with a mark.
  end,
  /// Its middle is cut out, with a mark.
  middle,
  /// So much of its beginning is kept as the column must have, without a mark:
  /// it means something by itself, as the beginning of an id or of a time. The
  /// text is ASCII.
  beginning,
};

struct column {
  std::string title;
  alignment align = alignment::left;
  /// Where the terminal is too narrow, the column may be cut to so many columns
  /// of text; 0: it is never cut.
  std::size_t least = 0;
  /// Where that is not enough, the column with the largest number is left out
  /// first, after those in which there is nothing; 0: it is never left out.
  int left_out = 0;
  /// Where there is room, columns first grow to this width; 0: to that of their
  /// texts.
  std::size_t enough = 0;
  /// Those with smaller numbers grow first, those with the same alike.
  int grows = 0;
  cutting cut = cutting::end;
};

struct cell {
  /// Escaped.
  std::string text;
  colour shade = colour::none;
};

/// Collects rows and lays them out.
class table {
public:
  /// @param limited whether the terminal's width is kept.
  table(std::vector<column> columns, const terminal& screen,
        bool limited = true);

  /// @pre as many cells as there are columns.
  void add(std::vector<cell> row);

  /// Lets column `i` not be cut to less than `width`.
  void keep_at_least(std::size_t i, std::size_t width);

  /// Takes the widest text of column `i` to be at least so wide, so that it
  /// need not grow when one comes.
  void expect(std::size_t i, std::size_t width);

  /// Rows that have not been taken yet.
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

  /// The rows since the last call, a line each, below a line of headings the
  /// first time. Which columns are left out is decided the first time too.
  /// @param is_all whether no other rows come.
  std::string take(bool is_all = true);

private:
  [[nodiscard]] std::size_t least_width(std::size_t i) const;
  void measure();
  [[nodiscard]] bool goes_before(std::size_t i, std::size_t k) const;
  void leave_out(std::size_t room);
  void leave_out_empty();
  [[nodiscard]] std::vector<std::size_t> widths_within(std::size_t room) const;
  void grow(std::vector<std::size_t>& widths,
            const std::vector<std::size_t>& wanted, std::size_t& room) const;
  [[nodiscard]] std::string fitted(const std::string& text, std::size_t i,
                                   std::size_t width) const;
  [[nodiscard]] std::string
  render(const std::vector<cell>& row,
         const std::vector<std::size_t>& widths) const;

  std::vector<column> columns_;
  const terminal& screen_;
  const bool limited_;
  std::vector<std::vector<cell>> rows_;
  /// The widest text of each column so far.
  std::vector<std::size_t> natural_;
  /// Which columns have, or may yet have, any text.
  std::vector<bool> filled_;
  std::vector<bool> shown_;
  bool begun_ = false;
};

/// A number for a table; zeros are dots, so that the eye finds what there is.
cell count_cell(std::int64_t n, colour shade = colour::none);

/// Lines of a name and a value each, the names in a column of their own.
class detail_list {
public:
  explicit detail_list(const terminal& screen) : screen_{screen} {}

  /// @param value escaped.
  void add(std::string name, std::string value, colour shade = colour::none);

  /// The lines, indented.
  [[nodiscard]] std::string text() const;

private:
  struct line {
    std::string name;
    std::string value;
    colour shade;
  };

  const terminal& screen_;
  std::vector<line> lines_;
};

} // namespace waybill::cli
