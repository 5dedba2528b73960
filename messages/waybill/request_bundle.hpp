// Several requests in one message, and what became of each: what the library's
// clients and the tracker say to each other.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill {

/// The requests that fit into a bundle.
enum class bundled_verb : std::uint8_t {
  enqueue = 0,
  attempt = 1,
  terminal = 2,
  status = 3,
};

struct bundle_reply;

/// Requests of one sender, in order. Each is a request of its own in all but
/// the message that carries it: the bundle is no transaction, and one request's
/// failure says nothing about the others. Only admission takes it whole or not
/// at all.
struct request_bundle {
  /// Numbers of bundled_verb: the n-th request is the next one of the list that
  /// `verbs[n]` stands for.
  std::vector<std::uint8_t> verbs;
  std::vector<record_enqueue> enqueues;
  std::vector<record_attempt> attempts;
  std::vector<record_terminal> terminals;
  std::vector<get_status> questions;

  void add(record_enqueue x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::enqueue));
    enqueues.push_back(std::move(x));
  }

  void add(record_attempt x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::attempt));
    attempts.push_back(std::move(x));
  }

  void add(record_terminal x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::terminal));
    terminals.push_back(std::move(x));
  }

  void add(const get_status& x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::status));
    questions.push_back(x);
  }

  [[nodiscard]] std::size_t size() const noexcept { return verbs.size(); }

  bool operator==(const request_bundle&) const = default;
  using reply = bundle_reply;
  static constexpr const char* type_name = "request_bundle";
  static constexpr auto fields() {
    using self = request_bundle;
    return std::tuple{field{"verbs", &self::verbs},
                      field{"enqueues", &self::enqueues},
                      field{"attempts", &self::attempts},
                      field{"terminals", &self::terminals},
                      field{"questions", &self::questions}};
  }
};

/// Whether the lists hold what the verbs announce; a bundle from elsewhere may
/// not.
bool is_consistent(const request_bundle& x) noexcept;

/// Calls `f(request)` for each request of a consistent bundle, in order.
template <class F>
void for_each_request(const request_bundle& x, F&& f) {
  std::size_t enqueue = 0;
  std::size_t attempt = 0;
  std::size_t terminal = 0;
  std::size_t question = 0;
  for (const auto verb : x.verbs)
    switch (static_cast<bundled_verb>(verb)) {
      case bundled_verb::enqueue:
        f(x.enqueues[enqueue++]);
        break;
      case bundled_verb::attempt:
        f(x.attempts[attempt++]);
        break;
      case bundled_verb::terminal:
        f(x.terminals[terminal++]);
        break;
      case bundled_verb::status:
        f(x.questions[question++]);
        break;
    }
}

/// Why a request of a bundle was not done.
struct bundled_failure {
  /// The request's place in the bundle, from 0.
  std::uint32_t place = 0;
  errc code = errc::outcome_unknown;
  std::string text;

  bool operator==(const bundled_failure&) const = default;
  static constexpr const char* type_name = "bundled_failure";
  static constexpr auto fields() {
    using self = bundled_failure;
    return std::tuple{field{"place", &self::place}, field{"code", &self::code},
                      field{"text", &self::text}};
  }
};

/// What became of a bundle's requests; sent when all of them have ended.
struct bundle_reply {
  /// For each request its enqueue_outcome or update_outcome; 0 for a question;
  /// `failed` for one that was not done.
  std::vector<std::uint8_t> outcomes;
  /// The answers of all questions, in order; empty for those that failed.
  std::vector<status_reply> answers;
  /// One for each `failed`, ordered by place.
  std::vector<bundled_failure> failures;

  static constexpr std::uint8_t failed = 255;

  bool operator==(const bundle_reply&) const = default;
  static constexpr const char* type_name = "bundle_reply";
  static constexpr auto fields() {
    using self = bundle_reply;
    return std::tuple{field{"outcomes", &self::outcomes},
                      field{"answers", &self::answers},
                      field{"failures", &self::failures}};
  }
};

} // namespace waybill
