#include "waybill/operator_desk.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "waybill/operator_messages.hpp"
#include "waybill/text.hpp"
#include "waybill/unix_socket.hpp"

namespace waybill {

namespace {

// The tracker answers in time whatever its disk does.
constexpr auto question_timeout = std::chrono::seconds{30};
// Of many rows; it goes on in the tracker if this passes.
constexpr auto long_timeout = std::chrono::hours{1};

class operator_job : public caf::event_based_actor {
public:
  operator_job(caf::actor_config& config, tracking_actor tracker,
               std::vector<known_forwarder> forwarders, operator_request what,
               operator_answer answer)
    : caf::event_based_actor{config},
      tracker_{std::move(tracker)},
      forwarders_{std::move(forwarders)},
      what_{std::move(what)},
      answer_{std::move(answer)} {}

  const char* name() const override { return "waybill.operator_job"; }

  // It ends when nothing is under way any more.
  caf::behavior make_behavior() override {
    std::visit([this](const auto& x) { start(x); }, what_);
    return {};
  }

  void on_exit() override {
    fail({errc::tracker_gone, "the service ended before it had answered"});
  }

private:
  template <class Request>
  void start(const Request& x) {
    ask(tracker_, x,
        std::is_same_v<Request, purge_terminal>
          ? std::chrono::nanoseconds{long_timeout}
          : std::chrono::nanoseconds{question_timeout});
  }

  void start(const pause_target& x) { change_pause(x); }
  void start(const resume_target& x) { change_pause(x); }

  // The target's actor hears of it at once, or finds out: the store decides.
  template <class Request>
  void change_pause(const Request& x) {
    // The last one that was started for it: others have ended.
    const auto found = std::find_if(forwarders_.rbegin(), forwarders_.rend(),
                                    [&](const known_forwarder& each) {
                                      return each.target == x.target;
                                    });
    if (found == forwarders_.rend())
      return ask(tracker_, x, question_timeout);
    waybill::request(this, found->actor, question_timeout, x)
      .then([this](
              const pause_reply& reply) { answer(to_operator_reply(reply)); },
            [this, x](const caf::error& e) {
              const auto why = to_failure(e);
              if (why.code == errc::tracker_gone || why.code == errc::stopped)
                return ask(tracker_, x, question_timeout);
              fail(why);
            });
  }

  void start(const get_backlogs&) {
    backlogs_.resize(forwarders_.size());
    owed_ = forwarders_.size();
    if (owed_ == 0)
      return answer(to_operator_reply(backlogs_reply{}));
    for (std::size_t i = 0; i < forwarders_.size(); ++i)
      waybill::request(this, forwarders_[i].actor, question_timeout,
                       get_backlog{})
        .then(
          [this, i](const backlog_reply& reply) {
            backlogs_[i] = reply;
            end_backlog();
          },
          [this](const caf::error&) { end_backlog(); });
  }

  void end_backlog() {
    if (--owed_ > 0)
      return;
    backlogs_reply reply;
    for (std::size_t i = 0; i < backlogs_.size(); ++i)
      if (backlogs_[i])
        reply.backlogs.push_back({forwarders_[i].target, *backlogs_[i]});
    answer(to_operator_reply(reply));
  }

  template <class Request>
  void ask(const tracking_actor& whom, const Request& x,
           std::chrono::nanoseconds timeout) {
    waybill::request(this, whom, timeout, x)
      .then(
        [this](const typename Request::reply& reply) {
          answer(to_operator_reply(reply));
        },
        [this](const caf::error& e) { fail(to_failure(e)); });
  }

  void fail(const failure& why) {
    answer(to_operator_error(why.code, why.text));
  }

  void answer(std::string line) {
    if (auto to = std::exchange(answer_, nullptr))
      to(std::move(line));
  }

  tracking_actor tracker_;
  std::vector<known_forwarder> forwarders_;
  operator_request what_;
  operator_answer answer_;
  std::size_t owed_ = 0;
  std::vector<std::optional<backlog_reply>> backlogs_;
};

// Who has not said who wants it is the user whose program it is.
void name_operator(operator_request& what, uid_t user) {
  const auto name = [user](std::optional<std::string>& who) {
    if (!who)
      who = user_name(user);
  };
  std::visit(
    [&]<class Request>(Request& x) {
      if constexpr (requires { x.act; }) {
        if (!x.act)
          x.act.emplace();
        name(x.act->who);
      } else if constexpr (std::is_same_v<Request, resume_target>) {
        name(x.who);
      }
    },
    what);
}

} // namespace

void answer_operator(caf::actor_system& system, const tracking_actor& tracker,
                     const forwarder_list& forwarders, const std::string& line,
                     uid_t user, operator_answer answer) {
  try {
    auto what = parse_operator_request(line);
    name_operator(what, user);
    system.spawn<operator_job>(tracker, forwarders.all(), std::move(what),
                               answer);
  } catch (const operator_error& e) {
    answer(to_operator_error(e.code(), e.what()));
  } catch (const std::exception& e) { // no memory, say
    answer(to_operator_error(errc::overloaded, escape(e.what())));
  }
}

} // namespace waybill
