// The first sign of damage, which is the end of all work on a file.
#pragma once

#include <optional>

#include "waybill/store_error.hpp"

namespace waybill {

/// Remembers the first `store_corrupt`: from then on the file is neither read
/// nor written.
class damage_latch {
public:
  void note(const store_error& found) {
    if (!found_)
      found_ = found;
  }

  [[nodiscard]] bool is_found() const noexcept { return found_.has_value(); }

  /// @throws store_error what was found, if anything was.
  void require_none() const {
    if (found_)
      throw store_error{*found_};
  }

  /// Runs `f`, which may find damage.
  template <class F>
  auto watch(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const store_error& e) {
      if (e.code() == errc::store_corrupt)
        note(e);
      throw;
    }
  }

private:
  std::optional<store_error> found_;
};

} // namespace waybill
