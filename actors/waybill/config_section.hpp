// A section of CAF's config as JSON, so that options have one reader.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace caf {
class actor_system_config;
} // namespace caf

namespace waybill {

/// The values of section `name`, or of `outer.name`; keys may be written with
/// `-` for `_`. Empty if there is no such section.
/// @throws store_error `invalid_options` if `name` is a plain value, if a key
/// is
///         there in both spellings, or if a timespan is no whole number of
///         milliseconds.
nlohmann::json config_section(const caf::actor_system_config& config,
                              const std::string& name);

} // namespace waybill
