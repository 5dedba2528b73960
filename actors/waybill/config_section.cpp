#include "waybill/config_section.hpp"

#include <algorithm>

#include <caf/settings.hpp>

#include "waybill/caf_seam.hpp"

namespace waybill {

namespace {

nlohmann::json to_json_value(const caf::config_value& value) {
  if (const auto* const x = caf::get_if<std::string>(&value))
    return *x;
  if (const auto* const x = caf::get_if<bool>(&value))
    return *x;
  if (const auto* const x = caf::get_if<caf::timespan>(&value)) {
    using std::chrono::milliseconds;
    const auto ms = std::chrono::duration_cast<milliseconds>(*x);
    return std::to_string(ms.count()) + "ms";
  }
  if (const auto* const x = caf::get_if<std::int64_t>(&value))
    return *x;
  if (const auto* const x = caf::get_if<double>(&value))
    return *x;
  return caf::deep_to_string(value); // no option is of such a type
}

} // namespace

nlohmann::json config_section(const caf::actor_system_config& config,
                              const std::string& name) {
  auto object = nlohmann::json::object();
  const auto& content = caf::content(config);
  const auto at = content.find(name);
  if (at == content.end())
    return object;
  const auto* const section
    = caf::get_if<caf::config_value::dictionary>(&at->second);
  if (section == nullptr)
    return object;
  for (const auto& [key, value] : *section) {
    std::string option{key};
    std::ranges::replace(option, '-', '_');
    object[option] = to_json_value(value);
  }
  return object;
}

} // namespace waybill
