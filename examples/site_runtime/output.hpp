// Writing to the standard streams.
#pragma once

#include <string_view>

namespace site_runtime {

/// Writes all of `text`.
/// @returns 0, or the error number, for example EPIPE if nobody reads any more.
int write_all(int fd, std::string_view text);

} // namespace site_runtime
