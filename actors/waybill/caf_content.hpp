// The part of the seam that looks into messages, and answers them, outside of
// the actors that they are for.
#pragma once

#include <caf/mailbox_element.hpp>

#include <string>
#include <utility>

#include "waybill/protocol.hpp"

#if WAYBILL_CAF_1
#  include <caf/scheduler.hpp>
#else
#  include <caf/execution_unit.hpp>
#endif

namespace waybill {

#if WAYBILL_CAF_1
using content_view = caf::message;
using caf_context = caf::scheduler;
#else
using content_view = caf::type_erased_tuple;
using caf_context = caf::execution_unit;
#endif

/// The message if it is one `T`, or null.
template <class T>
const T* as(const content_view& content) {
  return content.match_elements<T>() ? &content.template get_as<T>(0) : nullptr;
}

inline const content_view& content_of(const caf::mailbox_element& element) {
#if WAYBILL_CAF_1
  return element.payload;
#else
  return element.content();
#endif
}

/// What is answered to whom should not have sent that.
inline caf::message refusal_of_strangers(const std::string& why) {
  return caf::make_message(to_error(errc::invalid_request, why));
}

/// Answers in the place of whom the message is for, if anyone waits for it.
inline void answer(const caf::mailbox_element& element, caf::message reply,
                   caf_context* context) {
  if (!element.sender || !element.mid.is_request())
    return;
  const auto id = element.mid.response_id();
#if WAYBILL_CAF_1
  element.sender->enqueue(
    caf::make_mailbox_element(nullptr, id, std::move(reply)), context);
#else
  element.sender->enqueue(nullptr, id, std::move(reply), context);
#endif
}

template <class... Messages>
bool is_one_of(message_list<Messages...>, const content_view& content) {
  return ((as<Messages>(content) != nullptr) || ...);
}

/// Whether a message ends the actor that gets it.
inline bool is_end(const content_view& content) {
  return as<caf::exit_msg>(content) != nullptr
         || as<shut_down>(content) != nullptr;
}

} // namespace waybill
