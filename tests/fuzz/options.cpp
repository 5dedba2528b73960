// Options: as JSON if the text begins with a brace, otherwise in the section
// `waybill { … }` of a CAF config.

#include <nlohmann/json.hpp>
#include <sstream>

#include "fuzz/printed_options.hpp"
#include "waybill/protocol.hpp"

namespace {

using namespace waybill;

void read_json(const std::string& text) {
  const auto x = fuzz::read_options([&] { return options_from_json(text); });
  if (!x)
    return;
  fuzz::require(text.find('\0') == std::string::npos, "NUL is no JSON");
  fuzz::require_round_trip(*x, [&](const auto& values) {
    std::string object = "{\"file\": " + nlohmann::json(x->file).dump();
    for (const auto& [name, value] : values)
      object += ", \"" + name + "\": " + value;
    const auto again
      = fuzz::read_options([&] { return options_from_json(object + "}"); });
    fuzz::require(again && again->file == x->file, "the file differs");
    return again;
  });
}

std::optional<options> from_config(const std::string& text) {
  actor_config config;
  std::istringstream file{text};
  std::string program = "fuzz";
  char* argv[] = {program.data()};
  if (config.parse(1, argv, file))
    return std::nullopt; // not even a config
  return fuzz::read_options([&] { return options_from_config(config); });
}

void read_config(const std::string& text) {
  const auto x = from_config(text);
  if (!x)
    return;
  fuzz::require_round_trip(*x, [](const auto& values) {
    std::string section = "waybill {\n  file = \"ops.db\"\n";
    for (const auto& [name, value] : values)
      section += "  " + name + " = " + value + "\n";
    return from_config(section + "}\n");
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string text{waybill::fuzz::text_of(data, size)};
  if (text.starts_with('{'))
    read_json(text);
  else
    read_config(text);
  return 0;
}
