// The options of store-and-forward: their ranges, and the backoff they give.
#include "waybill/store_and_forward.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

constexpr auto hour = milliseconds{std::chrono::hours{1}};

[[noreturn]] void invalid(const char* name, const std::string& range,
                          const std::string& value) {
  throw store_error{errc::invalid_options, std::string{name} + ": must be "
                                             + range + ", but is " + value};
}

void check(const char* name, std::int64_t value, std::int64_t min,
           std::int64_t max) {
  if (value < min || value > max)
    invalid(name, std::to_string(min) + " to " + std::to_string(max),
            std::to_string(value));
}

std::string brief(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// Written so that it refuses NaN.
void check(const char* name, double value, double min, double max) {
  if (!(value >= min && value <= max))
    invalid(name, brief(min) + " to " + brief(max), brief(value));
}

void check(const char* name, milliseconds value, milliseconds min,
           milliseconds max) {
  if (value < min || value > max)
    invalid(name, to_text(min) + " to " + to_text(max), to_text(value));
}

} // namespace

void validate(const forward_options& x) {
  if (x.target.size() > limits::max_target || !is_valid_utf8(x.target))
    invalid("target",
            "valid UTF-8 of at most " + std::to_string(limits::max_target)
              + " bytes",
            "\"" + escape(std::string_view{x.target}.substr(0, 40)) + "…\"");
  check("max_concurrency", x.max_concurrency, 1, 256);
  check("max_calls", x.max_calls, 1, 1'000'000);
  check("max_bytes", x.max_bytes, 1'024, 17'179'869'184);
  check("max_attempts", x.max_attempts, 1, 1'000'000);
  check("first_delay", x.first_delay, milliseconds{1}, 24 * hour);
  check("max_delay", x.max_delay, x.first_delay, 7 * 24 * hour);
  check("backoff_factor", x.backoff_factor, 1.0, 10.0);
  check("jitter", x.jitter, 0.0, 1.0);
  check("report_timeout", x.report_timeout, milliseconds{1}, hour);
  check("last_error_cap", x.last_error_cap, 64,
        static_cast<std::int64_t>(limits::max_last_error));
}

milliseconds backoff(const forward_options& x, std::int64_t attempt,
                     double random) {
  const auto max = static_cast<double>(x.max_delay.count());
  // Infinite for a late attempt, which is past the longest wait as well.
  const auto grown = static_cast<double>(x.first_delay.count())
                     * std::pow(x.backoff_factor,
                                static_cast<double>(attempt - 1));
  const auto whole = std::min(grown, max);
  const auto part = whole * (1.0 - x.jitter + x.jitter * random);
  return milliseconds{std::llround(part)};
}

} // namespace waybill
