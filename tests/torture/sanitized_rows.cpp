// The table of contents of `sanitized_rows`: rows that are to run under
// AddressSanitizer and UBSan. Row `damage` of the suite starts it.
#include "torture/rows.hpp"

namespace waybill::torture {

std::span<const row> rows() {
  static const std::vector<row> all{
    {15, "damage", "damaged files, under ASan and UBSan", "damaged files",
     damaged_files_due, turn::any, damage_row},
  };
  return all;
}

std::span<const child> children() {
  return {};
}

} // namespace waybill::torture
