// Requests to the tracker, each repeated until its answer is definite.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"
#include "waybill/recurring_trouble.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/timer_queue.hpp"

namespace waybill {

/// A part of an actor that asks the tracker for it. A few requests go alone;
/// what is asked while they are open goes together, in at most two bundles at a
/// time. Whoever wants two requests in order makes the second one when the
/// first has been answered.
class tracker_link {
public:
  using milliseconds = std::chrono::milliseconds;
  /// What it needs of its actor, which it must not outlive.
  struct host {
    timer_queue* timers;
    /// The time that they are for.
    std::function<timer_queue::time_point()> now;
    /// From 0 to 1.
    std::function<double()> random;
    /// Called after each answer.
    std::function<void()> proceed;
    notice_function notice;
  };

  /// Whether a request is seen through also after `stop()`.
  enum class importance : std::uint8_t { optional, essential };

  /// @param timeout how long to wait for an answer before the request is
  ///        repeated.
  tracker_link(tracking_actor tracker, milliseconds timeout, host x);

  /// Calls `f` on some thread once the tracker has ended. Requests given up
  /// from then on say so.
  void on_tracker_end(std::function<void()> f);

  [[nodiscard]] bool tracker_has_ended() const noexcept {
    return *tracker_ended_;
  }

  /// Puts a request of `self` in the queue, after `delay`. It ends in one call:
  /// of `answered`, with a definite answer, or of `give_up`, with a failure
  /// that covers all of its tries.
  /// @param answered gets a `Request::reply&` and the request, both to be moved
  ///        from; or the reply alone.
  template <class Self, class Request, class Answered, class GiveUp>
  void ask(Self* self, Request what, importance how, milliseconds delay,
           Answered answered, GiveUp give_up) {
    using errand_type = errand_of<Self, Request, Answered, GiveUp>;
    add(std::make_unique<errand_type>(self, std::move(what),
                                      std::move(answered), std::move(give_up)),
        how, delay);
  }

  /// Sends what may be sent now.
  void send();

  /// Gives up the optional requests that are not open, and from now on those
  /// that would have to be repeated.
  void stop();

  /// Gives all up, the open ones too, and lets go of the tracker, which a timer
  /// of this actor would otherwise keep alive in CAF 0.17.
  void end_all();

  /// Whether all requests have ended.
  [[nodiscard]] bool idle() const noexcept { return errands_.empty(); }

private:
  static constexpr std::size_t max_bundle = 512;

  using serial = std::uint64_t;

  // The requests of a bundle, in order.
  struct bundled_errand {
    serial number;
    bundled_verb verb;
  };
  using sent_bundle = std::vector<bundled_errand>;

  // A request until its end.
  class errand {
  public:
    errand() = default;
    virtual ~errand() = default;
    errand(const errand&) = delete;
    errand& operator=(const errand&) = delete;

    virtual void send(tracker_link& link, serial number) = 0;
    virtual void send_bundle(tracker_link& link, request_bundle what,
                             std::shared_ptr<const sent_bundle> sent)
      = 0;
    // Which one it is in a bundle, if it may be in one.
    [[nodiscard]] virtual std::optional<bundled_verb> verb() const noexcept = 0;
    [[nodiscard]] virtual std::int64_t bytes() const noexcept = 0;
    virtual void add_to(request_bundle& x) const = 0;
    virtual void give_up(const failure& why) = 0;

    importance how = importance::optional;
    bool open = false;
    // Whether one of its tries may have been applied.
    bool doubtful = false;
    std::int64_t tries = 0;
    std::optional<timer_queue::entry> timer = std::nullopt;
  };

  template <class Request>
  class errand_for : public errand {
  public:
    explicit errand_for(Request x) : what{std::move(x)} {}

    [[nodiscard]] std::optional<bundled_verb> verb() const noexcept override {
      return verb_of(what);
    }

    [[nodiscard]] std::int64_t bytes() const noexcept override {
      return weight(what);
    }

    void add_to(request_bundle& x) const override {
      if constexpr (requires { x.add(what); })
        x.add(what);
    }

    virtual void answer(typename Request::reply& x) = 0;

    Request what;
  };

  template <class Self, class Request, class Answered, class GiveUp>
  class errand_of final : public errand_for<Request> {
  public:
    using reply_type = typename Request::reply;

    errand_of(Self* self, Request x, Answered answered, GiveUp give_up)
      : errand_for<Request>{std::move(x)},
        self_{self},
        answered_{std::move(answered)},
        give_up_{std::move(give_up)} {}

    void send(tracker_link& link, serial number) override {
      waybill::request(self_, link.tracker_, link.timeout_, Request{this->what})
        .then(
          [&link, number](reply_type& x) {
            --link.num_open_;
            link.template answered<Request>(number, x);
            link.host_.proceed();
          },
          [&link, number](const caf::error& e) {
            --link.num_open_;
            link.not_answered(number, to_failure(e));
            link.host_.proceed();
          });
    }

    void send_bundle(tracker_link& link, request_bundle all,
                     std::shared_ptr<const sent_bundle> sent) override {
      waybill::request(self_, link.tracker_, link.timeout_, std::move(all))
        .then(
          [&link, sent](bundle_reply& x) {
            link.bundle_answered(*sent, x);
            link.host_.proceed();
          },
          [&link, sent](const caf::error& e) {
            link.bundle_failed(*sent, to_failure(e));
            link.host_.proceed();
          });
    }

    void give_up(const failure& why) override { give_up_(why); }

    void answer(reply_type& x) override {
      if constexpr (std::is_invocable_v<Answered&, reply_type&, Request&>)
        answered_(x, this->what);
      else
        answered_(x);
    }

  private:
    Self* self_;
    Answered answered_;
    GiveUp give_up_;
  };

  static std::optional<bundled_verb> verb_of(const take_call&) noexcept {
    return bundled_verb::take;
  }
  static std::optional<bundled_verb> verb_of(const begin_call&) noexcept {
    return bundled_verb::begin;
  }
  static std::optional<bundled_verb> verb_of(const retry_call&) noexcept {
    return bundled_verb::retry;
  }
  static std::optional<bundled_verb> verb_of(const end_call&) noexcept {
    return bundled_verb::end;
  }
  template <class Request>
  static std::optional<bundled_verb> verb_of(const Request&) noexcept {
    return std::nullopt;
  }

  // A newer tracker may answer with numbers that this version does not know;
  // what they mean is unknown.
  static bool is_known(const enqueue_reply& x) noexcept {
    return static_cast<int>(x.outcome) < num_enqueue_outcomes;
  }
  static bool is_known(const update_reply& x) noexcept {
    return static_cast<int>(x.outcome) < num_update_outcomes;
  }
  static bool is_known(const status_reply& x) noexcept {
    return !x.snapshot
           || static_cast<int>(x.snapshot->status) < num_tracking_statuses;
  }
  static bool is_known(const take_reply& x) noexcept {
    return static_cast<int>(x.outcome) < num_take_outcomes;
  }
  static bool is_known(const discard_reply& x) noexcept {
    return !x.results.empty()
           && std::ranges::all_of(x.results, [](const discard_result& each) {
                return static_cast<int>(each.outcome) < num_discard_outcomes;
              });
  }
  template <class Reply>
  static bool is_known(const Reply&) noexcept {
    return true;
  }
  static failure of_newer_version() {
    return {errc::outcome_unknown, "an answer of a newer version"};
  }

  template <class Request>
  void answered(serial number, typename Request::reply& x) {
    if (!is_known(x))
      not_answered(number, of_newer_version());
    else if (const auto ended = close(number))
      static_cast<errand_for<Request>&>(*ended).answer(x);
  }

  void add(std::unique_ptr<errand> x, importance how, milliseconds delay);
  void post(serial number, milliseconds delay);
  bool has_any(std::deque<serial>& queue);
  void send_alone(std::deque<serial>& queue);
  bool send_bundle();
  void bundle_answered(const sent_bundle& sent, bundle_reply& x);
  void bundle_failed(const sent_bundle& sent, const failure& why);
  // None if it was given up.
  std::unique_ptr<errand> close(serial number);
  void not_answered(serial number, const failure& why);
  void give_up(serial number);
  void end(serial number, const failure& why);
  [[nodiscard]] milliseconds repeat_delay(std::int64_t tries) const;

  tracking_actor tracker_;
  milliseconds timeout_;
  host host_;
  std::unordered_map<serial, std::unique_ptr<errand>> errands_;
  serial last_number_ = 0;
  std::deque<serial> outbox_;    // of what may go in bundles
  std::deque<serial> questions_; // of what goes alone, and waits for no bundle
  std::int64_t num_open_ = 0;    // that went alone
  std::int64_t num_bundles_open_ = 0;
  std::size_t num_bundled_ = 0; // requests in them
  // Admission takes a bundle whole or not at all: under overload smaller ones
  // get in.
  std::size_t bundle_limit_ = max_bundle;
  bool stopping_ = false;
  recurring_trouble trouble_; // the tracker takes no requests
  // Shared with what is attached to the tracker.
  std::shared_ptr<std::atomic<bool>> tracker_ended_
    = std::make_shared<std::atomic<bool>>(false);
};

} // namespace waybill
