// Options in the section `waybill { … }` of a CAF config.

#include <caf/actor_system_config.hpp>
#include <sstream>

#include "fuzz/printed_options.hpp"

namespace {

std::optional<waybill::options> read(const std::string& text) {
  caf::actor_system_config config;
  std::istringstream file{text};
  std::string program = "fuzz";
  char* argv[] = {program.data()};
  if (config.parse(1, argv, file))
    return std::nullopt; // not even a config
  return waybill::fuzz::read_options(
    [&] { return waybill::options_from_config(config); });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string text{waybill::fuzz::text_of(data, size)};
  const auto x = read(text);
  if (!x)
    return 0;
  waybill::fuzz::require_round_trip(*x, [](const auto& values) {
    std::string section = "waybill {\n  file = \"ops.db\"\n";
    for (const auto& [name, value] : values)
      section += "  " + name + " = " + value + "\n";
    return read(section + "}\n");
  });
  return 0;
}
