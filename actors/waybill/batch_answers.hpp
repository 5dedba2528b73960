// The answers that wait for the end of a batch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "waybill/begun_purge.hpp"
#include "waybill/open_bundle.hpp"
#include "waybill/owed_answer.hpp"

namespace waybill {

/// What is kept of a request until its answer goes out.
template <class Reply>
struct kept_of_request {
  struct type {};
};

/// What the question was about.
template <>
struct kept_of_request<status_reply> {
  using type = tracked_operation_id;
};

/// All of it: it may begin anew.
template <>
struct kept_of_request<purge_reply> {
  using type = begun_purge;
};

/// An answer to a single request.
template <class Reply>
struct held_answer {
  owed_answer<Reply> to;
  Reply reply;
  bool is_read_again = false;
  [[no_unique_address]] typename kept_of_request<Reply>::type kept;

  /// What the answer to a question is once the batch is undone; without one it
  /// fails with the batch.
  void read_again(std::optional<Reply> answer) {
    if (!answer)
      return;
    reply = std::move(*answer);
    is_read_again = true;
  }
};

/// What a batch owes. It ends in `release()` or `refuse()`, and is empty again
/// then, but for a bundle of which requests are still to come.
class batch_answers {
public:
  /// How many requests wait for the end of the batch, those in bundles too.
  [[nodiscard]] std::int64_t requests() const noexcept { return requests_; }

  // -- single requests --------------------------------------------------------

  /// @param x the request.
  template <class Request>
  void hold(const owed_answer<typename Request::reply>& to, const Request& x,
            typename Request::reply reply) {
    using answer = held_answer<typename Request::reply>;
    answer held_one{to, std::move(reply), false, {}};
    if constexpr (std::is_same_v<Request, get_status>)
      held_one.kept = x.id;
    held<typename Request::reply>().push_back(std::move(held_one));
    ++requests_;
  }

  /// That of a purge that has ended.
  void hold(begun_purge x) {
    const auto to = x.to;
    const purge_reply reply{x.deleted()};
    held<purge_reply>().push_back({to, reply, false, std::move(x)});
    ++requests_;
  }

  /// The batch is undone: purges of which it had the last steps, if those may
  /// be tried alone, are taken out.
  [[nodiscard]] std::vector<begun_purge> take_purges(const store_error& e) {
    std::vector<begun_purge> all;
    if (!may_go_alone(e))
      return all;
    for (auto& each : held<purge_reply>())
      all.push_back(std::move(each.kept));
    held<purge_reply>().clear();
    requests_ -= std::ssize(all);
    return all;
  }

  // -- bundles ----------------------------------------------------------------

  void begin_bundle(open_bundle::promise to, const request_bundle& x) {
    bundles_.emplace_back(std::move(to), x);
  }

  /// The last bundle's next request.
  /// @param weight what it counts for in admission.
  /// @param waits whether its answer waits for the end of the batch.
  template <class Request>
  void add(const Request& x, typename Request::reply reply, std::int64_t weight,
           bool waits) {
    bundles_.back().add(x, std::move(reply), weight);
    if (waits) {
      bundles_.back().hold();
      ++requests_;
    }
  }

  /// The last bundle's next request has failed.
  template <class Request>
  void fail(const Request& x, const store_error& e, std::int64_t weight) {
    bundles_.back().fail(x, e, weight);
  }

  /// All requests of the last bundle have been added.
  /// @param batch_is_open whether any answer has something to wait for.
  void end_bundle(bool batch_is_open, admission& waiting) {
    if (!batch_is_open) {
      settle_bundles(waiting);
    } else if (!bundles_.back().is_held()) {
      bundles_.back().settle(waiting);
      bundles_.pop_back();
    }
  }

  // -- the end ----------------------------------------------------------------

  /// The batch is durable. Who has paused a target is told last: attempts that
  /// this batch has let begin come before that.
  void release(admission& waiting) {
    const auto answer = [&](auto& x) {
      x.to.answer(waiting, std::move(x.reply));
    };
    auto pauses = std::exchange(held<pause_reply>(), {});
    for_each_held(answer);
    settle_bundles(waiting);
    std::ranges::for_each(pauses, answer);
    requests_ = 0;
  }

  /// Before `refuse()`: what is undone, questions have seen. Those that can be
  /// answered again are.
  ///
  /// Each function may throw if it cannot: the store cannot be asked, or the
  /// host's clock has failed.
  /// @param status gives the answer about an id.
  template <class Status, class Counts, class Stats>
  void read_again(Status&& status, Counts&& counts, Stats&& stats) {
    for (auto& x : held<status_reply>())
      x.read_again(try_read([&] { return status(x.kept); }));
    for (auto& x : held<counts_reply>())
      x.read_again(try_read(counts));
    for (auto& x : held<stats_reply>())
      x.read_again(try_read(stats));
    for (auto& bundle : bundles_)
      for (auto& each : bundle.open_questions())
        bundle.read_again(each, try_read([&] { return status(each.id); }));
  }

  /// The batch is undone, or it is not known whether it is.
  void refuse(const store_error& e, admission& waiting) {
    for_each_held([&](auto& x) {
      if (x.is_read_again)
        x.to.answer(waiting, std::move(x.reply));
      else
        x.to.refuse(waiting, failure_of(x.kept, e));
    });
    for (auto& each : bundles_)
      each.fail_open(e);
    settle_bundles(waiting);
    requests_ = 0;
  }

  /// There will be no more requests: what is left was interrupted.
  void abandon(const store_error& e, admission& waiting) {
    for_each_held([&](auto& x) { x.to.refuse(waiting, e); });
    for (auto& each : bundles_)
      each.abandon(e);
    bundles_.clear();
    requests_ = 0;
  }

private:
  template <class Reply>
  [[nodiscard]] std::vector<held_answer<Reply>>& held() noexcept {
    return std::get<std::vector<held_answer<Reply>>>(held_);
  }

  template <class F>
  static auto try_read(F&& f) -> std::optional<decltype(f())> {
    try {
      return f();
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  template <class Kept>
  static const store_error& failure_of(const Kept&, const store_error& e) {
    return e;
  }

  static store_error failure_of(const begun_purge& x, const store_error& e) {
    return purge_failure(x.committed, e);
  }

  template <class F>
  void for_each_held(F&& f) {
    const auto empty_one = [&](auto& list) {
      for (auto& x : list)
        f(x);
      list.clear(); // which keeps what it has allocated
    };
    std::apply([&](auto&... lists) { (empty_one(lists), ...); }, held_);
  }

  // What has been added stands. Only the last one may not be complete.
  void settle_bundles(admission& waiting) {
    const auto unfinished = !bundles_.empty() && !bundles_.back().is_complete();
    for (auto& each : bundles_)
      each.settle(waiting);
    bundles_.erase(bundles_.begin(), bundles_.end() - (unfinished ? 1 : 0));
  }

  std::tuple<std::vector<held_answer<target_reply>>,
             std::vector<held_answer<take_reply>>,
             std::vector<held_answer<begin_reply>>,
             std::vector<held_answer<find_reply>>,
             std::vector<held_answer<enqueue_reply>>,
             std::vector<held_answer<update_reply>>,
             std::vector<held_answer<requeue_reply>>,
             std::vector<held_answer<discard_reply>>,
             std::vector<held_answer<status_reply>>,
             std::vector<held_answer<purge_reply>>,
             std::vector<held_answer<counts_reply>>,
             std::vector<held_answer<stats_reply>>,
             std::vector<held_answer<pause_reply>>>
    held_;
  std::vector<open_bundle> bundles_;
  std::int64_t requests_ = 0;
};

} // namespace waybill
