#include "waybill/rate_limit.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace waybill {

namespace {

using time_point = rate_limit::time_point;
using seconds = std::chrono::duration<double>;

// What a target gets of all that it may, from second to second.
constexpr std::array ramp_shares{0.1, 0.2, 0.4, 0.8, 1.0};
constexpr auto ramp_step = std::chrono::seconds{1};
constexpr std::chrono::seconds ramp_length{ramp_shares.size() - 1};

struct ramp_part {
  time_point begin;
  time_point end;
  double share;
};

// The last one has no end.
std::array<ramp_part, ramp_shares.size()> parts_of(time_point ramp) noexcept {
  std::array<ramp_part, ramp_shares.size()> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i, ramp += ramp_step)
    parts[i]
      = {.begin = ramp, .end = ramp + ramp_step, .share = ramp_shares[i]};
  parts.back().end = time_point::max();
  return parts;
}

// Rounded up, and cut where nobody waits any more: after 30 years.
time_point after(time_point begin, double wait) noexcept {
  constexpr double longest = 1e9;
  const auto ns = std::ceil(std::min(wait, longest) * 1e9);
  return begin + std::chrono::nanoseconds{static_cast<std::int64_t>(ns)};
}

} // namespace

rate_limit::rate_limit(const forward_options& x) noexcept
  : rate_{x.max_rate},
    burst_{static_cast<double>(x.burst)},
    max_running_{x.max_concurrency},
    tokens_{burst_},
    ramp_{filled_at_ - ramp_length} {}

time_point rate_limit::next_attempt(std::int64_t running,
                                    time_point now) const noexcept {
  auto when = next_token();
  for (const auto& part : parts_of(ramp_)) {
    const auto most = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(part.share
                                   * static_cast<double>(max_running_)));
    // Past the ramp there is nothing to wait for but the others.
    if (part.share < 1 && part.begin <= now && now < part.end
        && running >= most)
      when = std::max(when, part.end);
  }
  return when;
}

void rate_limit::begin(time_point now) noexcept {
  fill(now);
  tokens_ -= 1;
}

void rate_limit::ramp_up(time_point now) noexcept {
  fill(now);
  tokens_ = std::min(tokens_, 0.0);
  ramp_ = now;
}

// Counted from when it was filled last, so that it is the same time whenever it
// is asked for.
time_point rate_limit::next_token() const noexcept {
  if (rate_ == 0)
    return time_point::min();
  auto missing = 1 - tokens_;
  if (missing <= 0)
    return filled_at_;
  auto at = filled_at_;
  for (const auto& part : parts_of(ramp_)) {
    if (at >= part.end)
      continue;
    const auto rate = rate_ * part.share;
    const auto tokens = rate * seconds{part.end - at}.count();
    if (tokens >= missing)
      return after(at, missing / rate);
    missing -= tokens;
    at = part.end;
  }
  return at;
}

void rate_limit::fill(time_point now) noexcept {
  for (const auto& part : parts_of(ramp_)) {
    const auto begin = std::max(filled_at_, part.begin);
    const auto end = std::min(now, part.end);
    if (begin < end)
      tokens_ += rate_ * part.share * seconds{end - begin}.count();
  }
  tokens_ = std::min(tokens_, burst_);
  filled_at_ = std::max(filled_at_, now);
}

} // namespace waybill
