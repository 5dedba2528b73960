// `--status`: what became of one operation, from the database.
#pragma once

#include "site_runtime/arguments.hpp"

namespace site_runtime {

/// Shows the operation `x.status` on standard output.
exit_code show_status(const arguments& x);

} // namespace site_runtime
