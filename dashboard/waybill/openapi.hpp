// The description of the API, as OpenAPI 3.1; the answers' schemas are made
// from the field lists of the messages.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace waybill::dashboard {

/// @param has_acts whether operators can do something.
nlohmann::ordered_json openapi_document(const std::string& version,
                                        bool has_acts);

} // namespace waybill::dashboard
