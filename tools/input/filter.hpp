// The options that choose operations: of `list` and `export`.
#pragma once

#include <string>

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

/// A text as it is written in a shell.
std::string shell_word(const std::string& text);

/// The options that make a filter, as they are written in a shell.
std::string words_of(const filter_arguments& x);

/// What the help says about the values of times.
extern const char* const times_explained;

} // namespace waybill::cli
