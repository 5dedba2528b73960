#include "waybill/status_requests.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "waybill/caf_interception.hpp"
#include "waybill/json.hpp"
#include "waybill/request_admission.hpp"
#include "waybill/request_checks.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;

// Far more than any question needs; a parsed text takes many times its size.
constexpr std::size_t max_text = 4'096;

// Operations that the tracker is asked for in one message: a millisecond or
// some.
constexpr std::size_t max_step = 64;

// A question that came in time has time to be answered.
constexpr microseconds least_patience = std::chrono::milliseconds{10};

std::string to_json_error(const failure& why) {
  const nlohmann::json answer{
    {"error", {{"code", to_string(why.code)}, {"message", why.text}}}};
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class status_request_actor_impl : public gated<status_request_actor::base> {
public:
  using super = gated<status_request_actor::base>;

  status_request_actor_impl(caf::actor_config& config, tracking_actor tracker,
                            const options& x)
    : super{config},
      tracker_{std::move(tracker)},
      mailbox_{x.max_waiting_requests, x.max_waiting_bytes},
      timeout_{x.status_timeout},
      clock_{x.clock} {
    this->set_exception_handler(
      [](std::exception_ptr& thrown) { return to_end_reason(thrown); });
  }

  const char* name() const override { return "waybill.status_requests"; }

  behavior_type make_behavior() override {
    return {
      [this](const get_status& x) { return answer(x); },
      [this](const get_many& x) { return answer(x); },
      [this](const std::string& text) {
        auto to = this->make_response_promise<std::string>();
        const auto asked = open(text, [to](const failure& why) mutable {
          to.deliver(to_json_error(why));
        });
        if (const auto wanted = parse(asked, text))
          look(asked, *wanted, [to](const status_reply& reply) mutable {
            to.deliver(to_json_text(reply));
          });
        return to;
      },
    };
  }

  // CAF 0.17 does not answer promises of a dead actor.
  void on_exit() override {
    mailbox_.stop();
    while (!waiting_.empty())
      fail(waiting_.begin()->first, has_ended());
  }

protected:
  // In the sender's thread: touches nothing but mailbox_.
  std::optional<caf::message> refuse(const content_view& content) override {
    const auto refusal = [&](const failure& why) {
      return as<std::string>(content) != nullptr
               ? caf::make_message(to_json_error(why))
               : caf::make_message(to_error(why.code, why.text));
    };
    switch (admit(requests_of<status_request_actor>{}, content, mailbox_)) {
      case admission::verdict::overloaded:
        return refusal({errc::overloaded, "too many status requests wait"});
      case admission::verdict::stopped:
        return refusal(has_ended());
      default:
        return std::nullopt;
    }
  }

private:
  static failure has_ended() {
    return {errc::tracker_gone, "the status request actor has ended"};
  }

  using serial = std::uint64_t;

  struct question {
    std::int64_t bytes = 0;
    std::int64_t count = 1; // see request_weight.hpp
    std::function<void(const failure&)> fail;
  };

  // Before anything else is done for it: what may end this actor then leaves it
  // an answer.
  template <class Question>
  serial open(const Question& x, std::function<void(const failure&)> fail) {
    waiting_.emplace(++last_,
                     question{weight(x), request_count(x), std::move(fail)});
    return last_;
  }

  void fail(serial which, const failure& why) {
    const auto x = waiting_.extract(which);
    mailbox_.leave(x.mapped().bytes, x.mapped().count);
    x.mapped().fail(why);
  }

  template <class Reply, class Found>
  void succeed(serial which, Reply& reply, const Found& found) {
    const auto& x = waiting_.at(which);
    mailbox_.leave(x.bytes, x.count);
    reply(found);
    waiting_.erase(which);
  }

  template <class Question>
  caf::typed_response_promise<typename Question::reply>
  answer(const Question& x) {
    using reply_type = typename Question::reply;
    auto to = this->make_response_promise<reply_type>();
    const auto asked = open(x, [to](const failure& why) mutable {
      to.deliver(to_error(why.code, why.text));
    });
    look(asked, x,
         [to](const reply_type& reply) mutable { to.deliver(reply); });
    return to;
  }

  std::optional<get_status> parse(serial which, const std::string& text) {
    if (text.size() > max_text) {
      fail(which, {errc::invalid_request,
                   "is no question of at most " + std::to_string(max_text)
                     + " bytes, but of " + std::to_string(text.size())});
      return std::nullopt;
    }
    try {
      return from_json_text<get_status>(text);
    } catch (const json_error& e) {
      fail(which, {errc::invalid_request, e.what()});
      return std::nullopt;
    }
  }

  template <class Question, class Reply>
  void look(serial which, const Question& x, Reply reply) {
    microseconds patience = timeout_;
    try { // as the tracker has it
      require_valid(x);
      if (x.deadline) {
        const auto now = clock_.wall_or_system();
        require_in_time(x, now);
        patience = std::min(patience,
                            std::max(*x.deadline - now, least_patience));
      }
    } catch (const store_error& why) {
      fail(which, {why.code(), why.what()});
      return;
    }
    ask(which, x, patience, std::move(reply));
  }

  template <class Reply>
  void ask(serial which, const get_status& x, microseconds patience,
           Reply reply) {
    waybill::request(this, tracker_, patience, x)
      .then(
        [this, which, reply](const status_reply& found) mutable {
          succeed(which, reply, found);
        },
        [this, which](const caf::error& e) { fail(which, to_failure(e)); });
  }

  // A question about many, of which some have been answered.
  template <class Reply>
  struct long_question {
    serial which = 0;
    get_many what;
    std::chrono::steady_clock::time_point until;
    Reply reply;
    many_reply found;
  };

  template <class Reply>
  void ask(serial which, const get_many& x, microseconds patience,
           Reply reply) {
    const auto until = std::chrono::steady_clock::now() + patience;
    go_on(std::make_shared<long_question<Reply>>(
      long_question<Reply>{which, x, until, std::move(reply), {}}));
  }

  // The tracker knows bundles. They are small, and one is asked for after the
  // other, so that it does other things in between. One question that fails
  // fails all of them.
  template <class Reply>
  void go_on(std::shared_ptr<long_question<Reply>> x) {
    const auto first = x->found.answers.size();
    const auto end = std::min(first + max_step, x->what.ids.size());
    const auto now = std::chrono::steady_clock::now();
    if (first > 0 && now >= x->until)
      return fail(x->which,
                  {x->what.deadline ? errc::deadline_passed : errc::timed_out,
                   "the question took too long: answered are "
                     + std::to_string(first) + " of "
                     + std::to_string(x->what.ids.size())});
    request_bundle some;
    for (auto i = first; i < end; ++i)
      some.add(get_status{x->what.ids[i], x->what.deadline});
    const auto left = std::chrono::ceil<microseconds>(x->until - now);
    waybill::request(this, tracker_, std::max(left, least_patience),
                     std::move(some))
      .then(
        [this, x, end](bundle_reply& found) {
          auto& all = x->found.answers;
          if (!found.failures.empty())
            return fail(x->which, {found.failures.front().code,
                                   found.failures.front().text});
          if (all.size() + found.answers.size() != end)
            return fail(x->which, {errc::not_stored, "the tracker has answered "
                                                     "something else"});
          std::ranges::move(found.answers, std::back_inserter(all));
          if (end < x->what.ids.size())
            return go_on(x);
          succeed(x->which, x->reply, x->found);
        },
        [this, x](const caf::error& e) { fail(x->which, to_failure(e)); });
  }

  tracking_actor tracker_;
  admission mailbox_;
  microseconds timeout_;
  time_source clock_;
  serial last_ = 0;
  std::unordered_map<serial, question> waiting_;
};

class status_request_gate : public forwarding_actor {
public:
  status_request_gate(caf::actor_config& config,
                      std::shared_ptr<const supervised_actor> behind,
                      std::function<bool()> may_end)
    : forwarding_actor{config},
      behind_{std::move(behind)},
      may_end_{std::move(may_end)} {}

  const char* name() const override { return "waybill.status_gate"; }

protected:
  route find_route(const caf::mailbox_element& element) override {
    const auto& content = content_of(element);
    // One that has ended refuses what comes, until there is another.
    if (is_one_of(requests_of<status_request_actor>{}, content))
      return {behind_->current(), {}};
    if (as<caf::exit_msg>(content) != nullptr && may_end_())
      end();
    return {nullptr, refusal_of_strangers(
                       "the status request actor takes no such message")};
  }

private:
  const std::shared_ptr<const supervised_actor> behind_;
  const std::function<bool()> may_end_;
};

} // namespace

status_request_actor spawn_status_request_actor(caf::actor_system& system,
                                                tracking_actor tracker,
                                                const options& x) {
  return spawn_detached<status_request_actor_impl>(system, std::move(tracker),
                                                   x);
}

status_request_actor
spawn_status_request_gate(caf::actor_system& system,
                          std::shared_ptr<const supervised_actor> behind,
                          std::function<bool()> may_end) {
  // Hidden: an actor system waits for no gate.
  return caf::actor_cast<status_request_actor>(
    system.spawn<status_request_gate, caf::hidden>(std::move(behind),
                                                   std::move(may_end)));
}

} // namespace waybill
