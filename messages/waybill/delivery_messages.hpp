// What a store-and-forward actor and the workers that deliver for it say.
#pragma once

#include <cstdint>
#include <tuple>

#include "waybill/forward_messages.hpp"

namespace waybill {

/// The attempt at place number `worker` has ended.
struct delivery_done {
  std::int64_t worker = 0;
  delivery_result result;

  static constexpr const char* type_name = "delivery_done";
  static constexpr auto fields() {
    return std::tuple{field{"worker", &delivery_done::worker},
                      field{"result", &delivery_done::result}};
  }
};

} // namespace waybill
