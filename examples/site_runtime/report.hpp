// What a run ends with on standard output: tables for people, and one JSON
// object for programs as the last line.
#pragma once

#include <string>

#include "output/terminal.hpp"
#include "site_runtime/ledger.hpp"

namespace site_runtime {

using waybill::cli::terminal;

/// The tables; each line ends with a line end.
/// @param place what the number is by which the ledger knows an operation.
std::string render_report(const ledger& x, const terminal& out,
                          const std::string& place = "line");

/// The totals, without a line end. `operations` is the sum of the five after it
/// and the number of valid input lines; `lines` is that and `skipped_lines`.
std::string render_totals(const ledger& x);

/// One operation for people, as `--status` shows it.
std::string render_snapshot(const waybill::tracking_status_snapshot& x,
                            const terminal& out);

} // namespace site_runtime
