// Why a command line is refused, and what was probably meant.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace waybill::cli {

/// What the words say that `app`, after it has parsed them, knows nothing
/// about: a command, an option or an argument. None if it knows them all.
std::optional<std::string> unknown_word(const CLI::App& app);

/// What is wrong with a command line of known words.
std::string refusal(const CLI::ParseError& e);

/// Says that there is no such command.
std::string no_command(const CLI::App& app, const std::string& word);

} // namespace waybill::cli
