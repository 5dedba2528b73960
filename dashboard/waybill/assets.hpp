// The files that pages are shown with, which are part of the program.
#pragma once

#include <string_view>

namespace waybill::dashboard {

struct asset {
  /// With a part that changes with the content.
  std::string_view name;
  std::string_view type;
  std::string_view content;
};

extern const asset style_asset;
extern const asset script_asset;
/// What operators do from pages: only part of these where they can.
extern const asset actions_asset;
extern const asset icon_asset;

/// Null if there is none of that name.
const asset* find_asset(std::string_view name);

} // namespace waybill::dashboard
