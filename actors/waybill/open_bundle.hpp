// A bundle of requests that the tracker works on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "waybill/owed_answer.hpp"

namespace waybill {

/// The outcomes of a bundle so far. What has been added stays open until
/// `settle()`, because it may depend on the COMMIT of its batch.
class open_bundle {
public:
  using promise = caf::typed_response_promise<bundle_reply>;

  struct question {
    std::size_t place;
    tracked_operation_id id;
    bool is_read_again = false;
  };

  open_bundle(promise to, const request_bundle& x)
    : to_{std::move(to)}, size_{x.size()} {
    reply_.outcomes.reserve(size_);
    reply_.answers.reserve(x.questions.size());
    reply_.takes.reserve(x.takes.size());
    reply_.begins.reserve(x.begins.size());
    questions_.reserve(x.questions.size());
  }

  // -- the next request in turn -----------------------------------------------

  /// @param weight what the request counts for in admission.
  template <class Request>
  void add(const Request& x, typename Request::reply reply,
           std::int64_t weight) {
    open_weight_ += weight;
    if constexpr (std::is_same_v<Request, get_status>) {
      questions_.push_back({reply_.outcomes.size(), x.id});
      reply_.answers.push_back(std::move(reply));
      reply_.outcomes.push_back(0);
    } else if constexpr (std::is_same_v<Request, take_call>) {
      reply_.takes.push_back(std::move(reply));
      reply_.outcomes.push_back(0);
    } else if constexpr (std::is_same_v<Request, begin_call>) {
      reply_.begins.push_back(std::move(reply));
      reply_.outcomes.push_back(0);
    } else {
      reply_.outcomes.push_back(static_cast<std::uint8_t>(reply.outcome));
    }
  }

  template <class Request>
  void fail(const Request& x, const store_error& e, std::int64_t weight) {
    open_weight_ += weight;
    auto code = e.code();
    if constexpr (std::is_same_v<Request, get_status>) {
      code = code_for_question(code);
      questions_.push_back({reply_.outcomes.size(), x.id});
      reply_.answers.emplace_back();
    } else if constexpr (std::is_same_v<Request, take_call>) {
      reply_.takes.emplace_back();
    } else if constexpr (std::is_same_v<Request, begin_call>) {
      reply_.begins.emplace_back();
    }
    reply_.failures.push_back(
      {static_cast<std::uint32_t>(reply_.outcomes.size()), code, e.what()});
    reply_.outcomes.push_back(bundle_reply::failed);
  }

  /// The last one's answer waits for the end of its batch.
  void hold() noexcept { is_held_ = true; }

  [[nodiscard]] bool is_held() const noexcept { return is_held_; }

  /// Whether all requests have been added.
  [[nodiscard]] bool is_complete() const noexcept {
    return reply_.outcomes.size() == size_;
  }

  // -- all that is open -------------------------------------------------------

  /// The questions of it, failed ones too.
  [[nodiscard]] std::span<question> open_questions() noexcept {
    const auto first = std::ranges::lower_bound(questions_, settled_, {},
                                                &question::place);
    return {first, questions_.end()};
  }

  /// What the answer to an open question is once the batch is undone; without
  /// one it fails with the batch.
  void read_again(question& x, std::optional<status_reply> answer) {
    if (!answer || reply_.outcomes[x.place] == bundle_reply::failed)
      return;
    reply_.answers[static_cast<std::size_t>(&x - questions_.data())]
      = std::move(*answer);
    x.is_read_again = true;
  }

  /// Nothing that is open stands, but for what was read again.
  void fail_open(const store_error& e) {
    auto next = open_questions();
    for (auto i = settled_; i < reply_.outcomes.size(); ++i) {
      const auto is_question = !next.empty() && next.front().place == i;
      const auto stands = reply_.outcomes[i] == bundle_reply::failed
                          || (is_question && next.front().is_read_again);
      if (!stands) {
        if (is_question)
          reply_.answers[static_cast<std::size_t>(&next.front()
                                                  - questions_.data())]
            = {};
        reply_.outcomes[i] = bundle_reply::failed;
        reply_.failures.push_back(
          {static_cast<std::uint32_t>(i),
           is_question ? code_for_question(e.code()) : e.code(), e.what()});
      }
      if (is_question)
        next = next.subspan(1);
    }
    std::ranges::sort(reply_.failures, {}, &bundled_failure::place);
  }

  /// What has been added stands; answers the bundle if that is all of it.
  void settle(admission& waiting) {
    waiting.leave(std::exchange(open_weight_, 0),
                  static_cast<std::int64_t>(reply_.outcomes.size() - settled_));
    settled_ = reply_.outcomes.size();
    if (is_complete())
      to_.deliver(std::move(reply_));
  }

  /// Ends it unfinished.
  void abandon(const store_error& e) {
    to_.deliver(to_error(e.code(), e.what()));
  }

private:
  promise to_;
  std::size_t size_;
  bundle_reply reply_;
  std::vector<question> questions_; // by place, as the answers are
  std::size_t settled_ = 0;
  std::int64_t open_weight_ = 0;
  bool is_held_ = false;
};

} // namespace waybill
