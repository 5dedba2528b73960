// Where a list or an export goes on: what `--cursor` takes.
#pragma once

#include <optional>
#include <string>

#include "waybill/filter_text.hpp"

namespace waybill::cli {

/// @returns none if `text` is none.
/// @throws usage_error if it is nothing that a list or an export ended with.
std::optional<resume_point>
read_resume_point(const std::optional<std::string>& text);

} // namespace waybill::cli
