#include "refusal.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "help_layout.hpp"
#include "input/suggestion.hpp"
#include "input/values.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* each : app.get_subcommands({}))
    names.push_back(each->get_name());
  return names;
}

// `--name` of each option; those of every command too if `app` is one.
std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* each : app.get_options())
    if (is_shown(each) && !each->get_lnames().empty())
      names.push_back("--" + each->get_lnames().front());
  if (const auto* const parent = app.get_parent())
    for (auto& name : options_of(*parent))
      if (name != "--version" && name != "--help")
        names.push_back(std::move(name));
  return names;
}

bool has_option(const CLI::App& app, const std::string& word) {
  return app.get_option_no_throw(word) != nullptr;
}

// The command that was given; null if there is none.
const CLI::App* given_command(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? nullptr : parsed.front();
}

std::string unknown_option(const CLI::App& app, const std::string& word) {
  const auto shown = escape(word);
  std::vector<std::string> owners;
  for (const auto* each : app.get_subcommands({}))
    if (has_option(*each, word))
      owners.push_back(each->get_name());
  const auto* const command = given_command(app);
  if (command == nullptr) {
    if (!owners.empty())
      return shown + " must stand behind its command, as in waybill "
             + owners.front() + ' ' + shown;
    const auto near = nearest(word, options_of(app));
    return "there is no option " + shown
           + (near.empty() ? " before a command; waybill --help shows what is"
                           : did_you_mean(near));
  }
  const auto name = command->get_name();
  if (has_option(*command, word))
    return shown + " must stand behind " + name;
  const auto beginning = name + " has no option " + shown;
  if (!owners.empty())
    return beginning + ", but " + listed(owners, "and")
           + (owners.size() == 1 ? " has" : " have");
  const auto near = nearest(word, options_of(*command));
  return beginning
         + (near.empty() ? "; waybill help " + name + " shows what it has"
                         : did_you_mean(near));
}

std::string unknown_argument(const CLI::App& command, const std::string& word) {
  std::vector<std::string> near;
  for (auto& option : options_of(command))
    if (option == "--" + word)
      near.push_back(std::move(option));
  return command.get_name() + " takes no more arguments, but there is "
         + quoted(word) + did_you_mean(near);
}

// The option that the library's text is about, by its name at the beginning.
std::string option_in(const std::string& text) {
  return text.substr(0, text.find_first_of(": "));
}

} // namespace

std::optional<std::string> unknown_word(const CLI::App& app) {
  const auto rest = app.remaining();
  const auto is_option = [](const std::string& word) {
    return word.size() > 1 && word.starts_with('-') && word != "--";
  };
  const auto* const command = given_command(app);
  if (command == nullptr && !rest.empty() && !is_option(rest.front()))
    return no_command(app, rest.front());
  // An argument too many may be the value of an unknown option.
  const auto option = std::ranges::find_if(rest, is_option);
  if (option != rest.end())
    return unknown_option(app, option->substr(0, option->find('=')));
  if (command != nullptr && !rest.empty())
    return unknown_argument(*command, rest.front());
  return std::nullopt;
}

std::string refusal(const CLI::ParseError& e) {
  const std::string text{e.what()};
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&e) != nullptr) {
    const auto has = [&](const char* part) {
      return text.find(part) != std::string::npos;
    };
    if (has(" missing"))
      return escape(option_in(text)) + " needs a value";
    if (has(" flag override"))
      return "--" + escape(option_in(text)) + " takes no value";
    if (has("At Most"))
      return escape(option_in(text)) + " must be given once only";
  }
  return escape(text);
}

std::string no_command(const CLI::App& app, const std::string& word) {
  const auto near = nearest(word, commands_of(app));
  return quoted(word) + " is no command"
         + (near.empty() ? "; waybill help lists them" : did_you_mean(near));
}

} // namespace waybill::cli
