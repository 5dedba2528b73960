// Tells who has answered how much of that still lies unread.
#pragma once

#include <memory>
#include <thread>
#include <utility>

namespace waybill {

/// Goes out with an answer, and goes when the message goes in which the answer
/// came: it has been read then, or its receiver has died. It says nothing.
///
/// It is moved by the thread that has made it only, into the message. A copy of
/// an answer bears none, nor does what its receiver moves out of the message.
class unread_mark {
public:
  unread_mark() = default;

  /// @param x let go of with the message.
  explicit unread_mark(std::shared_ptr<void> x) noexcept
    : held_{std::move(x)}, maker_{std::this_thread::get_id()} {}

  unread_mark(const unread_mark& /*other*/) noexcept {}

  // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): it keeps its own
  unread_mark& operator=(const unread_mark& /*other*/) noexcept {
    return *this;
  }

  unread_mark(unread_mark&& other) noexcept { take(other); }

  unread_mark& operator=(unread_mark&& other) noexcept {
    take(other);
    return *this;
  }

  ~unread_mark() = default;

  friend bool operator==(const unread_mark& /*a*/,
                         const unread_mark& /*b*/) noexcept {
    return true;
  }

private:
  void take(unread_mark& other) noexcept {
    if (&other == this || !other.held_
        || other.maker_ != std::this_thread::get_id())
      return;
    held_ = std::exchange(other.held_, nullptr);
    maker_ = other.maker_;
  }

  std::shared_ptr<void> held_;
  std::thread::id maker_;
};

} // namespace waybill
