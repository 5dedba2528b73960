// Options as JSON.

#include <nlohmann/json.hpp>

#include "fuzz/printed_options.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace waybill;
  const auto text = fuzz::text_of(data, size);
  const auto x = fuzz::read_options([&] { return options_from_json(text); });
  if (!x)
    return 0;
  fuzz::require(text.find('\0') == std::string_view::npos, "NUL is no JSON");
  fuzz::require_round_trip(*x, [&](const auto& values) {
    std::string object = "{\"file\": " + nlohmann::json(x->file).dump();
    for (const auto& [name, value] : values)
      object += ", \"" + name + "\": " + value;
    const auto again
      = fuzz::read_options([&] { return options_from_json(object + "}"); });
    fuzz::require(again && again->file == x->file, "the file differs");
    return again;
  });
  return 0;
}
