// Who waits until a call has been recorded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "waybill/protocol.hpp"

namespace waybill {

/// A bundle of calls that is answered when each of them has its outcome.
class open_forward_bundle {
public:
  using promise = caf::typed_response_promise<forward_bundle_reply>;

  /// @pre `size` is not 0.
  open_forward_bundle(promise to, std::size_t size)
    : to_{std::move(to)}, open_{size} {
    reply_.outcomes.resize(size, forward_bundle_reply::failed);
  }

  void answer(std::size_t place, const forward_reply& x) {
    reply_.outcomes.at(place) = static_cast<std::uint8_t>(x.outcome);
    if (x.purged)
      reply_.duplicates.push_back(
        {static_cast<std::uint32_t>(place), *x.purged});
    end_one();
  }

  void refuse(std::size_t place, const failure& why) {
    reply_.failures.push_back(
      {static_cast<std::uint32_t>(place), why.code, why.text});
    end_one();
  }

private:
  void end_one() {
    if (--open_ > 0)
      return;
    std::ranges::sort(reply_.failures, {}, &bundled_failure::place);
    std::ranges::sort(reply_.duplicates, {}, &bundled_duplicate::place);
    to_.deliver(std::move(reply_));
  }

  promise to_;
  std::size_t open_;
  forward_bundle_reply reply_;
};

/// Who sent a call, by itself or in a bundle. Copies are the same sender, who
/// is to be told once.
class call_sender {
public:
  using promise = caf::typed_response_promise<forward_reply>;

  call_sender(promise to) : to_{std::move(to)} {}

  /// Of the call at that place in a bundle.
  call_sender(std::shared_ptr<open_forward_bundle> to, std::size_t place)
    : to_{bundled{std::move(to), place}} {}

  void answer(forward_outcome x) { answer(forward_reply{x}); }

  void answer(const forward_reply& x) {
    if (auto* const alone = std::get_if<promise>(&to_))
      alone->deliver(x);
    else
      in_bundle().to->answer(in_bundle().place, x);
  }

  void refuse(const failure& why) {
    if (auto* const alone = std::get_if<promise>(&to_))
      alone->deliver(to_error(why.code, why.text));
    else
      in_bundle().to->refuse(in_bundle().place, why);
  }

private:
  struct bundled {
    std::shared_ptr<open_forward_bundle> to;
    std::size_t place;
  };

  bundled& in_bundle() { return std::get<bundled>(to_); }

  std::variant<promise, bundled> to_;
};

/// The senders of a bundle's calls, in order. One without calls is answered.
inline std::vector<call_sender> senders_of(open_forward_bundle::promise& bundle,
                                           std::size_t calls) {
  std::vector<call_sender> all;
  if (calls == 0)
    bundle.deliver(forward_bundle_reply{});
  const auto open = std::make_shared<open_forward_bundle>(bundle, calls);
  for (std::size_t i = 0; i < calls; ++i)
    all.emplace_back(open, i);
  return all;
}

} // namespace waybill
