// A purge that has begun, which the queue has until its last step has been
// done, and then the batch of that step.
#pragma once

#include <cstdint>

#include "waybill/owed_answer.hpp"
#include "waybill/purge_failure.hpp"

namespace waybill {

/// A purge, and what it has done.
struct begun_purge {
  purge_terminal request;
  owed_answer<purge_reply> to;
  std::int64_t committed = 0; // rows that were deleted by batches before
  std::int64_t in_batch = 0;  // and in the open one

  [[nodiscard]] std::int64_t deleted() const noexcept {
    return committed + in_batch;
  }
};

/// Whether steps that `e` has undone are to be tried without a batch: on a full
/// disk that needs less.
inline bool may_go_alone(const store_error& e) noexcept {
  return e.code() == errc::store_full;
}

} // namespace waybill
