// Charts as SVG, made by the server: words and figures stay as large as they
// are, and what is between them takes the room that there is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "waybill/html.hpp"

namespace waybill::dashboard {

struct chart {
  struct series {
    /// A class of the stylesheet: `plain`, `faint`, `held`, `bad`.
    markup style;
    /// None is drawn where a value is below 0: it is not known.
    std::vector<std::int64_t> values;
    /// A line in steps; if not, bars, which stand on those of the series
    /// before.
    bool is_line = false;
  };

  std::vector<series> all;
  /// What stands for the chart where it is not seen.
  std::string words;
  /// Below its left and its right end.
  std::string begin;
  std::string end;
  /// The time that `begin` is, in UTC; empty: it is none.
  std::string begin_time = {};
};

/// From 0 to a round number above the largest value, which is written at the
/// top.
html svg_of(const chart& x);

} // namespace waybill::dashboard
