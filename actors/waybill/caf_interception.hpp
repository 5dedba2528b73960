// The part of the seam that decides about messages in their senders' threads,
// before they are queued.
#pragma once

#include <caf/actor_companion.hpp>

#include <optional>
#include <utility>

#include "waybill/caf_content.hpp"

namespace waybill {

/// An actor that decides about each message in its sender's thread, before it
/// is queued: CAF's mailboxes have no bound of their own.
///
/// Only the messages of its interface and answers get in. CAF would print
/// others on the host's standard output, and end the actor at an error or at an
/// exit message from whoever has a handle.
template <class Base>
class gated : public Base {
public:
  using Base::Base;
  using Base::enqueue;

#if WAYBILL_CAF_1
  bool enqueue(caf::mailbox_element_ptr element,
               caf_context* context) override {
    auto refusal = judge(*element);
    if (!refusal)
      return Base::enqueue(std::move(element), context);
    answer(*element, std::move(*refusal), context);
    return true;
  }
#else
  void enqueue(caf::mailbox_element_ptr element,
               caf_context* context) override {
    if (auto refusal = judge(*element); !refusal)
      Base::enqueue(std::move(element), context);
    else
      answer(*element, std::move(*refusal), context);
  }
#endif

protected:
  // Both are called in the sender's thread, by many at a time.

  /// @returns what to answer instead of queueing the message, or none.
  virtual std::optional<caf::message> refuse(const content_view&) {
    return std::nullopt;
  }

  /// Whether exit messages and `shut_down` count.
  [[nodiscard]] virtual bool may_end() const {
    return true;
  }

private:
  std::optional<caf::message> judge(const caf::mailbox_element& element) {
    if (element.mid.is_response())
      return std::nullopt;
    const auto& content = content_of(element);
    if (is_end(content))
      return may_end() ? std::nullopt
                       : std::optional{refusal_of_strangers(
                         "only its owner may end this actor")};
    if (is_one_of(messages_of<typename Base::actor_hdl>{}, content))
      return refuse(content);
    return refusal_of_strangers("this actor takes no such message");
  }
};

/// An actor without mailbox and thread that passes each message on, in its
/// sender's thread: whoever gets it answers the original sender.
class forwarding_actor : public caf::actor_companion {
public:
  using caf::actor_companion::actor_companion;
  using caf::actor_companion::enqueue;

#if WAYBILL_CAF_1
  bool enqueue(caf::mailbox_element_ptr element,
               caf_context* context) override {
    pass_on(std::move(element), context);
    return true;
  }
#else
  void enqueue(caf::mailbox_element_ptr element,
               caf_context* context) override {
    pass_on(std::move(element), context);
  }
#endif

protected:
  /// Where a message goes, or what it is answered with if it goes nowhere.
  struct route {
    caf::strong_actor_ptr to;
    caf::message reply;
  };

  /// Called in the sender's thread, by many at a time.
  virtual route find_route(const caf::mailbox_element& element) = 0;

  /// Ends the actor; may be called by any thread.
  void end() {
    this->cleanup(caf::make_error(caf::exit_reason::user_shutdown), nullptr);
  }

private:
  void pass_on(caf::mailbox_element_ptr element, caf_context* context) {
    auto way = find_route(*element);
    if (way.to)
      way.to->enqueue(std::move(element), context);
    else
      answer(*element, std::move(way.reply), context);
  }
};

} // namespace waybill
