// An answer that is owed: who gets it, and what its request counts for in
// admission until then.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "waybill/admission.hpp"
#include "waybill/protocol.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// Whether what a reply answers changes rows, or only asks. Said of each reply:
/// one that is forgotten does not compile.
template <class Reply>
struct changes_rows;

template <>
struct changes_rows<enqueue_reply> : std::true_type {};
template <>
struct changes_rows<update_reply> : std::true_type {};
template <>
struct changes_rows<purge_reply> : std::true_type {};
template <>
struct changes_rows<target_reply> : std::true_type {};
template <>
struct changes_rows<pause_reply> : std::true_type {};
template <>
struct changes_rows<requeue_reply> : std::true_type {};
template <>
struct changes_rows<discard_reply> : std::true_type {};
template <>
struct changes_rows<take_reply> : std::true_type {};
template <>
struct changes_rows<begin_reply> : std::true_type {};
template <>
struct changes_rows<find_reply> : std::false_type {};
template <>
struct changes_rows<status_reply> : std::false_type {};
template <>
struct changes_rows<counts_reply> : std::false_type {};
template <>
struct changes_rows<stats_reply> : std::false_type {};
template <>
struct changes_rows<wait_reply> : std::false_type {};

/// The code of a question that ended in `code`: a question stores nothing, so
/// nothing about it can be in doubt.
constexpr errc code_for_question(errc code) noexcept {
  return code == errc::outcome_unknown ? errc::not_stored : code;
}

/// Whether an error is its sender's affair, and says nothing of storage.
constexpr bool is_of_request(errc code) noexcept {
  return code == errc::invalid_request || code == errc::deadline_passed
         || code == errc::overloaded || code == errc::stopped;
}

/// Counts its request out before it is delivered: who has been answered may
/// send the next request at once.
template <class Reply>
struct owed_answer {
  caf::typed_response_promise<Reply> to;
  /// Of the request; see request_weight.hpp.
  std::int64_t weight = 0;

  void answer(admission& waiting, Reply reply) {
    waiting.leave(weight);
    to.deliver(std::move(reply));
  }

  void refuse(admission& waiting, const store_error& why) {
    waiting.leave(weight);
    const auto code
      = changes_rows<Reply>::value ? why.code() : code_for_question(why.code());
    to.deliver(to_error(code, why.what()));
  }
};

} // namespace waybill
