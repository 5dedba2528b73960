#include "waybill/config_section.hpp"

#include <algorithm>

#include <caf/settings.hpp>

#include "waybill/caf_seam.hpp"
#include "waybill/store_error.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

[[noreturn]] void invalid(const std::string& name, const std::string& wanted,
                          const std::string& value) {
  throw store_error{errc::invalid_options,
                    escape(name) + ": must be " + wanted + ", but is " + value};
}

std::string to_milliseconds(const std::string& name, caf::timespan value) {
  using std::chrono::milliseconds;
  const auto ms = std::chrono::duration_cast<milliseconds>(value);
  if (ms != value)
    invalid(name, "a whole number of milliseconds",
            std::to_string(value.count()) + "ns");
  return std::to_string(ms.count()) + "ms";
}

nlohmann::json to_json_value(const std::string& name,
                             const caf::config_value& value) {
  if (const auto* const x = caf::get_if<std::string>(&value))
    return *x;
  if (const auto* const x = caf::get_if<bool>(&value))
    return *x;
  if (const auto* const x = caf::get_if<caf::timespan>(&value))
    return to_milliseconds(name, *x);
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
  const auto* section = &caf::content(config);
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    const auto at = section->find(name.substr(begin, end - begin));
    if (at == section->end())
      return object;
    section = caf::get_if<caf::config_value::dictionary>(&at->second);
    if (section == nullptr)
      invalid(name.substr(0, end), "a section { … }",
              escape(truncate_utf8(
                sanitize_utf8(caf::deep_to_string(at->second)), 100)));
    begin = end + 1;
  }
  for (const auto& [key, value] : *section) {
    std::string option{key};
    std::ranges::replace(option, '-', '_');
    if (object.contains(option))
      throw store_error{errc::invalid_options,
                        escape(option) + ": is there twice, with - and with _"};
    object[option] = to_json_value(option, value);
  }
  return object;
}

} // namespace waybill
