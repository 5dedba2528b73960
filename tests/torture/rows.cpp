// The table of contents: every row, every process that a row starts.
#include "torture/rows.hpp"

namespace waybill::torture {

std::span<const row> rows() {
  static const std::vector<row> all{};
  return all;
}

std::span<const child> children() {
  static const std::vector<child> all{};
  return all;
}

} // namespace waybill::torture
