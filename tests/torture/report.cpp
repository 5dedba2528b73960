#include <iostream>

#include "torture/torture.hpp"

namespace waybill::torture {

namespace {

constexpr std::int64_t violations_shown = 20;

} // namespace

void report::tried(std::int64_t n, std::int64_t of) {
  const auto sum = tried_ += n;
  const std::lock_guard guard{mutex_};
  const auto now = std::chrono::steady_clock::now();
  if (now < next_progress_)
    return;
  next_progress_ = now + std::chrono::seconds{5};
  std::cerr << "   " << row_ << ": " << sum;
  if (of > 0)
    std::cerr << " of " << of;
  if (violations_ > 0)
    std::cerr << ", VIOLATIONS: " << violations_;
  std::cerr << std::endl;
}

void report::violation(const std::string& what) {
  const auto n = ++violations_;
  {
    const std::lock_guard guard{mutex_};
    if (n <= violations_shown)
      std::cerr << "   " << row_ << ": VIOLATION: " << what << std::endl;
    if (n == violations_shown)
      std::cerr << "   " << row_ << ": no more of them are shown" << std::endl;
  }
  if (n == 1 && on_first_violation_)
    on_first_violation_();
}

void report::figure(const std::string& text) {
  const std::lock_guard guard{mutex_};
  figures_ += (figures_.empty() ? "" : ", ") + text;
}

std::string report::figures() const {
  const std::lock_guard guard{mutex_};
  return figures_;
}

} // namespace waybill::torture
