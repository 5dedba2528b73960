// What the parts of a check do about what they find.
#pragma once

#include <functional>
#include <string>

#include "waybill/store_error.hpp"

namespace waybill {

/// Is told of what does not hold.
using fault_function = std::function<void(const std::string&)>;

/// Calls `f`. That what it reads is damaged is a fault, told behind `name`.
template <class F>
void check_damage(const fault_function& fault, const std::string& name, F&& f) {
  try {
    f();
  } catch (const store_error& e) {
    if (e.code() != errc::store_corrupt)
      throw;
    fault(name + e.what());
  }
}

} // namespace waybill
