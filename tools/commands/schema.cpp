#include "commands/schema.hpp"

#include <algorithm>

#include "input/options.hpp"
#include "output/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// Quotes and backslashes are escaped only where text stands between quotes.
bool needs_escape(std::string_view line) {
  std::string rest;
  for (const auto c : line)
    if (c != '"' && c != '\\')
      rest += c;
  return escape(rest) != rest;
}

} // namespace

command setup_schema(CLI::App& parent) {
  auto& app = add_command(parent, "schema", "print the store's schema");
  add_footer(app, "Example:\n"
                  "  waybill schema --db track.db");
  return {&app, run_schema};
}

exit_code run_schema(context& c) {
  const auto text = c.open_reader().schema();
  if (c.json())
    c.print_json(json_text({{"schema", text}}));
  else
    c.out().write(printable_lines(text));
  return exit_code::ok;
}

std::string printable_lines(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    result += needs_escape(line) ? escape(line) : std::string{line};
    result += '\n';
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return result;
}

} // namespace waybill::cli
