#include "input/id_argument.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "exit_code.hpp"
#include "input/values.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

constexpr std::size_t shortest_beginning = 4;
constexpr std::int64_t most_named = 5;

// `text` filled up to the length of an id, with hexadecimal digits `digit`.
std::string filled_up(std::string text, char digit) {
  constexpr std::string_view pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  for (auto i = text.size(); i < pattern.size(); ++i)
    text += pattern[i] == '-' ? '-' : digit;
  return text;
}

tracked_operation_id find_one(store_reader& reader, const id_argument& x) {
  const auto found = reader.ids_between(x.first, x.last, most_named + 1);
  if (found.empty())
    throw failure{x.text
                    + " is the beginning of no id that is there: purged or "
                      "never recorded",
                  exit_code::not_found};
  if (found.size() == 1)
    return found.front();
  std::string names;
  const auto shown = std::min<std::size_t>(found.size(), most_named);
  for (std::size_t i = 0; i < shown; ++i)
    names += (i == 0 ? " " : ", ") + to_string(found[i]);
  throw failure{x.text + " is the beginning of several ids:" + names
                  + (found.size() > shown ? " and more" : ""),
                exit_code::usage};
}

// Calls `read` with all of them.
CLI::Option* add_values(CLI::App& app, const CLI::callback_t& read,
                        const std::string& meaning) {
  return app.add_option("ID", read, meaning)
    ->type_name("ID")
    ->required()
    ->expected(-1)
    ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void read_ids(const CLI::results_t& values, std::vector<id_argument>& to) {
  for (const auto& value : values)
    if (const auto id = read_id("ID", value);
        std::ranges::find(to, id) == to.end())
      to.push_back(id);
}

} // namespace

id_argument read_id(const std::string& option, const std::string& text) {
  const auto first = tracked_operation_id::parse(filled_up(text, '0'));
  const auto last = tracked_operation_id::parse(filled_up(text, 'f'));
  if (text.size() < shortest_beginning || !first || !last)
    must_be(option,
            "an id like 01932c07-f2a1-7000-8000-0123456789ab, or the beginning "
            "of one",
            text);
  if (last->is_nil())
    must_be(option, "an id that is not all zeros", text);
  return {text, *first, *last};
}

CLI::Option* add_ids(CLI::App& app, std::vector<id_argument>& to,
                     const std::string& meaning) {
  return add_values(
    app,
    [&to](const CLI::results_t& values) {
      read_ids(values, to);
      return true;
    },
    meaning);
}

void add_ids_or_input(CLI::App& app, std::vector<id_argument>& to,
                      bool& from_input, const std::string& meaning) {
  add_values(
    app,
    [&](const CLI::results_t& values) {
      from_input = values == CLI::results_t{"-"};
      if (!from_input)
        read_ids(values, to);
      return true;
    },
    meaning);
}

void add_id(CLI::App& app, std::vector<id_argument>& to,
            const std::string& meaning) {
  add_ids(app, to, meaning)->expected(1)->allow_extra_args(false);
}

std::vector<tracked_operation_id>
find_ids(store_reader& reader, const std::vector<id_argument>& ids) {
  std::vector<tracked_operation_id> found;
  for (const auto& each : ids) {
    const auto id = each.is_whole() ? each.first : find_one(reader, each);
    if (std::ranges::find(found, id) == found.end())
      found.push_back(id);
  }
  return found;
}

} // namespace waybill::cli
