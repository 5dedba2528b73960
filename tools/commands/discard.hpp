// `waybill discard`: gives operations up.
#pragma once

#include "commands/bulk_act.hpp"

namespace waybill::cli {

command setup_discard(CLI::App& parent);

exit_code run_discard(context& c, const bulk_options& x);

} // namespace waybill::cli
