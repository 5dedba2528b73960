// Sends requests without waiting and counts every answer, also a second one to
// the same request, which CAF's own clients would drop unseen. Takes a few
// bytes for each request, however many are open.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "waybill/caf_interception.hpp"
#include "waybill/protocol.hpp"

namespace waybill::test {

/// What became of one request.
struct seen_answer {
  /// How often it has been answered.
  std::atomic<std::uint8_t> times{0};
  /// The error's code; 0 for a reply.
  std::atomic<std::uint8_t> code{0};
  /// The number of the reply's outcome, if it has one.
  std::atomic<std::uint8_t> outcome{0};
  /// From the request to the answer.
  std::atomic<std::uint32_t> us{0};

  [[nodiscard]] bool done() const { return times == 1 && code == 0; }
  /// Whether it was a reply with that outcome.
  template <class Outcome>
  [[nodiscard]] bool says(Outcome x) const {
    return done() && outcome == static_cast<std::uint8_t>(x);
  }
  [[nodiscard]] errc error() const { return static_cast<errc>(code.load()); }
  /// Whether it certainly has had no effect.
  [[nodiscard]] bool refused() const {
    return code != 0 && certainty_of(error()) == certainty::refused;
  }
};

/// Room for the answers to `size` requests, numbered from 0. Thread-safe.
class answer_sink {
public:
  answer_sink(caf::actor_system& system, std::size_t size)
    : state_{std::make_shared<state>(size)},
      actor_{caf::actor_cast<caf::strong_actor_ptr>(
        system.spawn<receiver, caf::hidden>(state_))} {}

  /// Sends `request` as number `n`, which must not have been used.
  template <class Handle, class Request>
  void send(const Handle& to, std::size_t n, Request request) {
    state_->sent_us[n] = state_->now_us();
    caf::actor_cast<caf::abstract_actor*>(to)->enqueue(
      element(caf::make_message_id(n + 1), std::move(request)), nullptr);
  }

  [[nodiscard]] const seen_answer& operator[](std::size_t n) const {
    return state_->answers[n];
  }

  /// How many answers there have been, second ones included.
  [[nodiscard]] std::size_t answered() const { return state_->answered; }

  /// Waits for that many answers.
  bool await(std::size_t answers, std::chrono::milliseconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (answered() < answers) {
      if (std::chrono::steady_clock::now() > end)
        return false;
      std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
    return true;
  }

private:
  struct state {
    explicit state(std::size_t size) : answers(size), sent_us(size) {}

    [[nodiscard]] std::uint32_t now_us() const {
      return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(
          std::chrono::steady_clock::now() - began)
          .count());
    }

    const std::chrono::steady_clock::time_point began
      = std::chrono::steady_clock::now();
    std::vector<seen_answer> answers;
    std::vector<std::atomic<std::uint32_t>> sent_us;
    std::atomic<std::size_t> answered{0};
  };

  class receiver : public forwarding_actor {
  public:
    receiver(caf::actor_config& config, std::shared_ptr<state> x)
      : forwarding_actor{config}, state_{std::move(x)} {}

    const char* name() const override { return "answer_sink"; }

  protected:
    route find_route(const caf::mailbox_element& element) override {
      const auto number = element.mid.request_id().integer_value();
      if (!element.mid.is_response() || number > state_->answers.size())
        return {};
      auto& x = state_->answers[number - 1];
      const auto& content = waybill::content_of(element);
      if (const auto* const error = as<caf::error>(content))
        x.code = static_cast<std::uint8_t>(to_failure(*error).code);
      else if (const auto* const inserted = as<enqueue_reply>(content))
        x.outcome = static_cast<std::uint8_t>(inserted->outcome);
      else if (const auto* const updated = as<update_reply>(content))
        x.outcome = static_cast<std::uint8_t>(updated->outcome);
      else if (const auto* const taken = as<forward_reply>(content))
        x.outcome = static_cast<std::uint8_t>(taken->outcome);
      x.us = state_->now_us() - state_->sent_us[number - 1];
      ++x.times;
      ++state_->answered;
      return {};
    }

  private:
    const std::shared_ptr<state> state_;
  };

  template <class Request>
  caf::mailbox_element_ptr element(caf::message_id id, Request request) {
    return make<caf::mailbox_element>(actor_, id, std::move(request));
  }

  // CAF 0.17 wants to know through whom the answer goes.
  template <class Element, class Request>
  static caf::mailbox_element_ptr make(const caf::strong_actor_ptr& from,
                                       caf::message_id id, Request request) {
    if constexpr (requires { typename Element::forwarding_stack; })
      return caf::make_mailbox_element(from, id,
                                       typename Element::forwarding_stack{},
                                       std::move(request));
    else
      return caf::make_mailbox_element(from, id, std::move(request));
  }

  std::shared_ptr<state> state_;
  caf::strong_actor_ptr actor_;
};

} // namespace waybill::test
