// Makers of command-line options that refuse wrong values by name and value.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "input/values.hpp"
#include "waybill/tracking_status.hpp"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace waybill::cli {

/// Adds a subcommand.
CLI::App& add_command(CLI::App& parent, const std::string& name,
                      const std::string& meaning);

/// Adds what the help of a subcommand ends with.
void add_footer(CLI::App& app, const std::string& text);

/// The option must be given.
void require(CLI::Option* x);

/// Adds an option whose value `read` takes, or refuses by a usage_error.
CLI::Option* add_value(CLI::App& app, const std::string& name,
                       const std::function<void(const std::string&)>& read,
                       const std::string& what, const std::string& meaning);

/// Adds an option whose value must not be empty.
CLI::Option* add_text(CLI::App& app, const std::string& name,
                      std::optional<std::string>& to, const std::string& what,
                      const std::string& meaning);

/// Adds an option that may be given more than once.
CLI::Option* add_texts(CLI::App& app, const std::string& name,
                       std::vector<std::string>& to, const std::string& what,
                       const std::string& meaning);

/// Adds an option for a whole number within a range.
CLI::Option* add_number(CLI::App& app, const std::string& name,
                        std::optional<std::int64_t>& to, std::int64_t min,
                        std::int64_t max, const std::string& meaning);

/// Adds an option for a duration, as `parse_duration` reads it.
CLI::Option* add_duration(CLI::App& app, const std::string& name,
                          std::optional<std::chrono::microseconds>& to,
                          const std::string& meaning);

/// Adds a flag that takes no value.
CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& to,
                        const std::string& meaning);

/// Reads the values of an option `--status`: lists with commas of statuses, in
/// letters of either case, and the words `in-flight` and `finished`.
/// @returns each status once, in the order of their numbers.
/// @throws usage_error
std::vector<tracking_status>
read_statuses(const std::vector<std::string>& values);

} // namespace waybill::cli
