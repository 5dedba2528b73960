// Several requests in one message, and what became of each: what the library's
// clients and the tracker say to each other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "waybill/call_messages.hpp"
#include "waybill/messages.hpp"

namespace waybill {

/// The requests that fit into a bundle: the last four are what
/// store-and-forward actors say of calls.
enum class bundled_verb : std::uint8_t {
  enqueue = 0,
  attempt = 1,
  terminal = 2,
  status = 3,
  take = 4,
  begin = 5,
  retry = 6,
  end = 7,
};
inline constexpr std::size_t num_bundled_verbs = 8;

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
  std::vector<take_call> takes;
  std::vector<begin_call> begins;
  std::vector<retry_call> retries;
  std::vector<end_call> ends;

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

  void add(take_call x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::take));
    takes.push_back(std::move(x));
  }

  void add(const begin_call& x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::begin));
    begins.push_back(x);
  }

  void add(retry_call x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::retry));
    retries.push_back(std::move(x));
  }

  void add(end_call x) {
    verbs.push_back(static_cast<std::uint8_t>(bundled_verb::end));
    ends.push_back(std::move(x));
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
                      field{"questions", &self::questions},
                      field{"takes", &self::takes},
                      field{"begins", &self::begins},
                      field{"retries", &self::retries},
                      field{"ends", &self::ends}};
  }
};

/// Whether the lists hold what the verbs announce; a bundle from elsewhere may
/// not.
bool is_consistent(const request_bundle& x) noexcept;

/// Calls `f(request)` for each request of a consistent bundle, in order.
template <class F>
void for_each_request(const request_bundle& x, F&& f) {
  std::array<std::size_t, num_bundled_verbs> nexts{};
  for (const auto verb : x.verbs) {
    auto& next = nexts.at(verb);
    switch (static_cast<bundled_verb>(verb)) {
      case bundled_verb::enqueue:
        f(x.enqueues[next++]);
        break;
      case bundled_verb::attempt:
        f(x.attempts[next++]);
        break;
      case bundled_verb::terminal:
        f(x.terminals[next++]);
        break;
      case bundled_verb::status:
        f(x.questions[next++]);
        break;
      case bundled_verb::take:
        f(x.takes[next++]);
        break;
      case bundled_verb::begin:
        f(x.begins[next++]);
        break;
      case bundled_verb::retry:
        f(x.retries[next++]);
        break;
      case bundled_verb::end:
        f(x.ends[next++]);
        break;
    }
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
  /// For each request its enqueue_outcome or update_outcome; 0 for those that
  /// have an answer of their own; `failed` for one that was not done.
  std::vector<std::uint8_t> outcomes;
  /// The answers of all questions, in order; empty for those that failed.
  std::vector<status_reply> answers;
  /// The same of calls that were to be taken, or to begin an attempt.
  std::vector<take_reply> takes;
  std::vector<begin_reply> begins;
  /// One for each `failed`, ordered by place.
  std::vector<bundled_failure> failures;

  static constexpr std::uint8_t failed = 255;

  bool operator==(const bundle_reply&) const = default;
  static constexpr const char* type_name = "bundle_reply";
  static constexpr auto fields() {
    using self = bundle_reply;
    return std::tuple{field{"outcomes", &self::outcomes},
                      field{"answers", &self::answers},
                      field{"takes", &self::takes},
                      field{"begins", &self::begins},
                      field{"failures", &self::failures}};
  }
};

} // namespace waybill
