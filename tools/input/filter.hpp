// The options that choose operations: of `list` and `export`.
#pragma once

#include "waybill/filter_text.hpp"

namespace CLI {
class App;
} // namespace CLI

namespace waybill::cli {

void add_filter(CLI::App& app, filter_arguments& to);

/// @param now what durations count back from.
/// @throws usage_error naming the option and its value.
operation_filter read_filter(const filter_arguments& x, timestamp now,
                             zone where);

/// What the help says about the values of times.
extern const char* const times_explained;

} // namespace waybill::cli
