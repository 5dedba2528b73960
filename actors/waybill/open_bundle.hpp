// A bundle of requests that the tracker works on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "waybill/protocol.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// The code of a question that ended in `code`: a question stores nothing, so
/// nothing about it can be in doubt.
constexpr errc code_for_question(errc code) noexcept {
  return code == errc::outcome_unknown ? errc::not_stored : code;
}

/// The outcomes of a bundle so far. What has been added stays open until
/// `settle()`, because it depends on the COMMIT of its batch.
class open_bundle {
public:
  using promise = caf::typed_response_promise<bundle_reply>;

  open_bundle(promise to, const request_bundle& x)
    : to_{std::move(to)}, size_{x.size()} {
    reply_.outcomes.reserve(size_);
    reply_.answers.reserve(x.questions.size());
    questions_.reserve(x.questions.size());
  }

  // -- the next request in turn -----------------------------------------------

  void add(const record_enqueue&, enqueue_reply x) {
    reply_.outcomes.push_back(static_cast<std::uint8_t>(x.outcome));
  }

  template <class Update>
  void add(const Update&, update_reply x) {
    reply_.outcomes.push_back(static_cast<std::uint8_t>(x.outcome));
  }

  void add(const get_status& x, status_reply&& reply) {
    reply_.answers.push_back(std::move(reply));
    questions_.push_back({reply_.outcomes.size(), x.id});
    reply_.outcomes.push_back(0);
  }

  template <class Request>
  void fail(const Request& x, errc code, const std::string& text) {
    if constexpr (std::is_same_v<Request, get_status>) {
      code = code_for_question(code);
      questions_.push_back({reply_.outcomes.size(), x.id});
      reply_.answers.emplace_back();
    }
    reply_.failures.push_back(
      {static_cast<std::uint32_t>(reply_.outcomes.size()), code, text});
    reply_.outcomes.push_back(bundle_reply::failed);
  }

  // -- all that is open -------------------------------------------------------

  /// What has been added stands.
  /// @returns how many requests that are.
  std::int64_t settle() noexcept {
    const auto settled = reply_.outcomes.size() - settled_;
    settled_ = reply_.outcomes.size();
    return static_cast<std::int64_t>(settled);
  }

  /// Nothing that is open stands.
  /// @param look_again answers the question about an id anew, or gives none.
  template <class Look>
  void fail_open(errc code, const std::string& text, Look&& look_again) {
    for (auto i = settled_; i < reply_.outcomes.size(); ++i) {
      if (reply_.outcomes[i] == bundle_reply::failed)
        continue;
      const auto at = std::ranges::lower_bound(questions_, i, {},
                                               &question::place);
      const auto is_question = at != questions_.end() && at->place == i;
      if (is_question) {
        auto& answer
          = reply_.answers[static_cast<std::size_t>(at - questions_.begin())];
        answer = {};
        if (std::optional<status_reply> again = look_again(at->id)) {
          answer = std::move(*again);
          continue;
        }
      }
      reply_.outcomes[i] = bundle_reply::failed;
      reply_.failures.push_back({static_cast<std::uint32_t>(i),
                                 is_question ? code_for_question(code) : code,
                                 text});
    }
    std::ranges::sort(reply_.failures, {}, &bundled_failure::place);
  }

  /// Whether all requests have ended, but for the open ones.
  [[nodiscard]] bool is_complete() const noexcept {
    return reply_.outcomes.size() == size_;
  }

  void deliver() { to_.deliver(std::move(reply_)); }

  void deliver(caf::error why) { to_.deliver(std::move(why)); }

private:
  struct question {
    std::size_t place;
    tracked_operation_id id;
  };

  promise to_;
  std::size_t size_;
  bundle_reply reply_;
  std::vector<question> questions_; // by place
  std::size_t settled_ = 0;
};

} // namespace waybill
