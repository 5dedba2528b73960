// What somebody wants to follow, as URLs say it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/http_message.hpp"
#include "waybill/queries.hpp"

namespace waybill::dashboard {

enum class watch_use : std::uint8_t { api, page };

struct watch_query {
  watch_transitions request;
  /// Word by word.
  std::vector<std::string> statuses;
  /// How long to wait for something, of those who take one answer.
  std::chrono::microseconds wait{0};
};

/// The number of the transition that a store's cursor stands behind.
std::int64_t number_in(std::string_view cursor);

/// @throws query_error
watch_query parse_watch_query(const parameters& query, watch_use use);

} // namespace waybill::dashboard
