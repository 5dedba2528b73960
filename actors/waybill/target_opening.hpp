// A target that is being opened, and the calls that wait for that.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "waybill/call_buffer.hpp"

namespace waybill {

class target_opening {
public:
  /// A call that is to be recorded.
  struct unrecorded_call {
    tracked_call* call;
    take_call what;
  };

  /// Whether it has been tried; calls need not wait any more.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  /// Why it could not be opened, or nobody waits for it any more.
  [[nodiscard]] const std::optional<failure>& fault() const noexcept {
    return fault_;
  }

  [[nodiscard]] bool is_open() const noexcept { return has_ended_ && !fault_; }

  void keep_waiting(tracked_call& c, take_call what) {
    waiting_.push_back({&c, std::move(what)});
  }

  /// @returns the calls that have waited, in order.
  std::vector<unrecorded_call> end(std::optional<failure> why) {
    has_ended_ = true;
    if (why)
      fault_ = std::move(why);
    return std::exchange(waiting_, {});
  }

private:
  bool has_ended_ = false;
  std::optional<failure> fault_;
  std::vector<unrecorded_call> waiting_;
};

} // namespace waybill
