// SIGINT and SIGTERM end long work between two steps.
#pragma once

namespace waybill::cli {

/// From now on the two signals only raise a flag. A second one ends the process
/// at once, which loses nothing that was said to be done.
void stop_on_signals();

/// True once one of them has come.
bool stop_asked() noexcept;

} // namespace waybill::cli
