// Payloads, which are any bytes, as text.
#pragma once

#include <string>
#include <string_view>

namespace waybill::cli {

/// `bytes` for people, ending with a line end unless there are none: what could
/// steer a terminal or deceive the eye, and what is not UTF-8, is escaped as by
/// `escape`; line ends, tabs, quotes and backslashes stay, for most payloads
/// are JSON.
std::string payload_text(std::string_view bytes);

/// RFC 4648, with padding and without line ends.
std::string base64(std::string_view bytes);

} // namespace waybill::cli
