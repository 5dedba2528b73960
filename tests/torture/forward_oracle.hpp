// What row 20 does to each call, and what its processes have seen of them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "support/requests.hpp"
#include "torture/mapped.hpp"
#include "waybill/delivery_messages.hpp"
#include "waybill/forward_messages.hpp"

namespace waybill::torture {

constexpr std::uint32_t num_forwarded = 20'000;
constexpr std::uint32_t num_forward_keys = 20;

/// What the target says to call `n`, and with how many attempts it is through.
struct call_plan {
  std::uint32_t n;

  [[nodiscard]] std::uint32_t failures() const { return n % 5 == 1 ? 2 : 0; }
  [[nodiscard]] bool is_refused() const { return n % 7 == 3; }
  /// How many of the attempts at what one that was refused is requeued as are
  /// refused, too.
  [[nodiscard]] std::uint32_t refusals_again() const {
    return is_refused() ? n / 7 % 7 : 0;
  }
  /// Somebody else parks it when it has been taken, if it has not ended before.
  [[nodiscard]] bool is_snatched() const {
    return n % 11 == 5 && !is_refused();
  }
  [[nodiscard]] bool is_requeued() const {
    return is_refused() || is_snatched();
  }
  [[nodiscard]] bool may_end_as(tracking_status x) const {
    return x
             == (is_refused() ? tracking_status::failed
                              : tracking_status::delivered)
           || (is_snatched() && x == tracking_status::parked);
  }
  [[nodiscard]] bool has_key() const { return n % 2 == 0; }
  [[nodiscard]] std::uint32_t key() const { return n / 2 % num_forward_keys; }
  [[nodiscard]] std::string payload() const {
    return "call " + std::to_string(n) + std::string(n % 300, '.');
  }
  [[nodiscard]] tracked_operation_id id() const { return test::id_of(n + 1); }

  [[nodiscard]] forward_call call() const {
    forward_call x;
    x.id = id();
    x.kind = "kind " + std::to_string(n % 7);
    x.payload = payload();
    if (has_key())
      x.order_key = "key " + std::to_string(key());
    return x;
  }

  [[nodiscard]] delivery_result result(std::uint32_t attempt) const {
    using kind = delivery_result::kind;
    if (attempt <= failures())
      return {.what = kind::transient, .error = "busy"};
    return {.what = is_refused() ? kind::permanent : kind::delivered};
  }

  /// The same for what it is requeued as.
  [[nodiscard]] delivery_result result_again(std::uint32_t attempt) const {
    using kind = delivery_result::kind;
    return {.what = attempt <= refusals_again() ? kind::permanent
                                                : kind::delivered};
  }
};

/// The call of an idempotency key.
inline call_plan plan_of(const tracked_operation_id& key) {
  return {static_cast<std::uint32_t>(key.low() - test::id_of(1).low())};
}

/// Made of zeros by the parent.
struct forward_oracle {
  struct call {
    std::atomic<std::uint8_t> taken;     // its sender has been answered
    std::atomic<std::uint32_t> attempts; // begun by the target's function
    std::atomic<std::uint32_t> results;  // of those, that it gave
    std::atomic<std::uint32_t> again;    // attempts at what it is requeued as
    std::atomic<std::uint8_t> delivered; // the target has taken it
    std::atomic<std::uint8_t> runs;      // an attempt with its key
    // How many successors somebody was told of, one of the other.
    std::atomic<std::uint32_t> successors;
  };

  std::atomic<std::uint32_t> next;
  std::atomic<std::uint32_t> is_open;
  std::atomic<std::uint32_t> wrong_payloads;
  // The last call of each key that was tried, and how often another one was
  // tried after it than one that was taken later.
  std::array<std::atomic<std::uint32_t>, num_forward_keys> tried;
  std::atomic<std::uint32_t> out_of_order;
  // Attempts that began while another one with their idempotency key ran, or
  // with their order key.
  std::atomic<std::uint32_t> made_twice;
  std::array<std::atomic<std::uint8_t>, num_forward_keys> key_runs;
  std::atomic<std::uint32_t> not_in_turn;
  // Whose successor was another one than somebody had been told.
  std::atomic<std::uint32_t> other_successors;
  // What could not be requeued for another reason than this row gives.
  std::atomic<std::uint32_t> other_outcomes;
  // Whether the target is paused for certain, and no attempt of before runs;
  // how often that was so, and how many attempts have begun meanwhile.
  std::atomic<std::uint32_t> is_paused;
  std::atomic<std::uint32_t> pauses;
  std::atomic<std::uint32_t> begun_paused;
  std::array<call, num_forwarded> calls;

  /// What ran was killed.
  void forget_running() {
    for (auto& each : calls)
      each.runs = 0;
    for (auto& each : key_runs)
      each = 0;
  }
};

using mapped_forward_oracle = mapped<forward_oracle>;

/// What is seen of an attempt at call `n` while it runs.
class seen_attempt {
public:
  seen_attempt(mapped_forward_oracle& seen, call_plan plan)
    : seen_{seen}, plan_{plan} {
    seen_->begun_paused += seen_->is_paused;
    seen_->made_twice += seen_->calls.at(plan_.n).runs.exchange(1);
    if (plan_.has_key())
      seen_->not_in_turn += seen_->key_runs.at(plan_.key()).exchange(1);
  }
  ~seen_attempt() {
    seen_->calls.at(plan_.n).runs = 0;
    if (plan_.has_key())
      seen_->key_runs.at(plan_.key()) = 0;
  }
  seen_attempt(const seen_attempt&) = delete;
  seen_attempt& operator=(const seen_attempt&) = delete;

private:
  mapped_forward_oracle& seen_;
  const call_plan plan_;
};

} // namespace waybill::torture
