// A test in another time zone.
#pragma once

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace waybill::test {

/// Central Europe, without need of the system's zone files.
inline constexpr const char* berlin = "CET-1CEST,M3.5.0,M10.5.0/3";

/// Sets TZ for as long as it lives.
class time_zone {
public:
  explicit time_zone(const char* name) {
    if (const auto* const value = std::getenv("TZ"))
      before_ = value;
    ::setenv("TZ", name, 1);
    ::tzset();
  }

  ~time_zone() {
    if (before_)
      ::setenv("TZ", before_->c_str(), 1);
    else
      ::unsetenv("TZ");
    ::tzset();
  }

  time_zone(const time_zone&) = delete;
  time_zone& operator=(const time_zone&) = delete;

private:
  std::optional<std::string> before_;
};

} // namespace waybill::test
