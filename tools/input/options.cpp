#include "input/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "input/suggestion.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::vector<std::string> status_words() {
  std::vector<std::string> words{"in-flight", "finished"};
  for (std::size_t i = 0; i < num_tracking_statuses; ++i)
    words.push_back(lower(to_string(static_cast<tracking_status>(i))));
  return words;
}

void check_not_empty(const std::string& option, const std::string& value) {
  if (value.empty())
    throw usage_error{option + " must not be empty"};
}

} // namespace

CLI::App& add_command(CLI::App& parent, const std::string& name,
                      const std::string& meaning) {
  return *parent.add_subcommand(name, meaning);
}

void add_footer(CLI::App& app, const std::string& text) {
  app.footer(text);
}

void require(CLI::Option* x) {
  x->required();
}

CLI::Option* add_value(CLI::App& app, const std::string& name,
                       const std::function<void(const std::string&)>& read,
                       const std::string& what, const std::string& meaning) {
  return app.add_option_function<std::string>(name, read, meaning)
    ->type_name(what);
}

CLI::Option* add_text(CLI::App& app, const std::string& name,
                      std::optional<std::string>& to, const std::string& what,
                      const std::string& meaning) {
  const auto read = [&to, name](const std::string& text) {
    // `-o,--output` is called by its last name.
    check_not_empty(name.substr(name.rfind(',') + 1), text);
    to = text;
  };
  return add_value(app, name, read, what, meaning);
}

CLI::Option* add_texts(CLI::App& app, const std::string& name,
                       std::vector<std::string>& to, const std::string& what,
                       const std::string& meaning) {
  const auto read = [&to, name](const CLI::results_t& values) {
    for (const auto& value : values)
      check_not_empty(name, value);
    to = values;
    return true;
  };
  return app.add_option(name, CLI::callback_t{read}, meaning)
    ->type_name(what)
    ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

CLI::Option* add_number(CLI::App& app, const std::string& name,
                        std::optional<std::int64_t>& to, std::int64_t min,
                        std::int64_t max, const std::string& meaning) {
  const auto read = [=, &to](const std::string& text) {
    to = read_number(name, text, min, max);
  };
  return add_value(app, name, read, "N", meaning);
}

CLI::Option* add_duration(CLI::App& app, const std::string& name,
                          std::optional<std::chrono::microseconds>& to,
                          const std::string& meaning) {
  const auto read = [&to, name](const std::string& text) {
    to = parse_duration(text);
    if (!to)
      must_be(name, "a duration like 500ms, 30s, 10min, 2h or 7d", text);
  };
  return add_value(app, name, read, "DURATION", meaning);
}

CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& to,
                        const std::string& meaning) {
  return app.add_flag(name, to, meaning)->disable_flag_override();
}

std::vector<tracking_status>
read_statuses(const std::vector<std::string>& values) {
  try {
    return parse_statuses(values);
  } catch (const filter_error& e) {
    std::string hint;
    const auto known = status_words();
    for (const auto& word : split(e.value()))
      if (std::ranges::find(known, lower(word)) == known.end()) {
        hint = did_you_mean(nearest(lower(word), known));
        break;
      }
    must_be("--" + e.name(), e.expected(), e.value(), hint);
  }
}

} // namespace waybill::cli
