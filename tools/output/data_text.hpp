// Data on its way to a terminal: JSON, CSV and the like.
#pragma once

#include <string>
#include <string_view>

namespace waybill::cli {

/// `text` with what could steer a terminal or deceive the eye (see `escape`)
/// written as `\uHHHH`, which JSON reads back. Line ends and tabs stay.
std::string data_text(std::string_view text);

} // namespace waybill::cli
