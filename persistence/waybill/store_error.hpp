// The one exception that persistence throws.
#pragma once

#include <stdexcept>
#include <string>

#include "waybill/errc.hpp"

namespace waybill {

/// Says why a request was not carried out, or why a store cannot be opened.
/// `certainty_of(code())` says what that means for the request. `what()` holds
/// names of files as they are: `escape` it on its way to a terminal.
class store_error : public std::runtime_error {
public:
  /// @param sqlite_code SQLite's extended result code; 0 if it was not SQLite
  ///        that refused.
  store_error(errc code, const std::string& message, int sqlite_code = 0)
    : std::runtime_error{message}, code_{code}, sqlite_code_{sqlite_code} {}

  [[nodiscard]] errc code() const noexcept { return code_; }

  /// SQLite's extended result code (https://sqlite.org/rescode.html) or 0.
  [[nodiscard]] int sqlite_code() const noexcept { return sqlite_code_; }

private:
  errc code_;
  int sqlite_code_;
};

} // namespace waybill
