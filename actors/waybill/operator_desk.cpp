#include "waybill/operator_desk.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "waybill/operator_messages.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

// The tracker answers in time whatever its disk does.
constexpr auto question_timeout = std::chrono::seconds{30};
// Of many rows; it goes on in the tracker if this passes.
constexpr auto long_timeout = std::chrono::hours{1};

class operator_job : public caf::event_based_actor {
public:
  operator_job(caf::actor_config& config, tracking_actor tracker,
               std::vector<store_and_forward_actor> forwarders,
               operator_request what, operator_answer answer)
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

  // Whoever keeps the call must hear of it; who does is asked of none.
  void start(const discard& x) {
    if (const auto fault = find_fault(x))
      return fail({errc::invalid_request, *fault});
    if (forwarders_.empty())
      return ask(tracker_,
                 record_terminal{.id = x.id,
                                 .status = tracking_status::discarded,
                                 .last_error = x.reason,
                                 .http_status = std::nullopt,
                                 .deadline = std::nullopt},
                 question_timeout);
    owed_ = forwarders_.size();
    for (const auto& each : forwarders_)
      waybill::request(this, each, question_timeout, x)
        .then(
          [this](const update_reply& reply) {
            // The first one has done what the others then find done.
            if (!discarded_ || reply.outcome == update_outcome::applied)
              discarded_ = reply;
            end_discard();
          },
          [this](const caf::error& e) {
            why_ = to_failure(e);
            end_discard();
          });
  }

  void end_discard() {
    if (--owed_ > 0)
      return;
    if (discarded_)
      answer(to_operator_reply(*discarded_));
    else
      fail(why_);
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
  std::vector<store_and_forward_actor> forwarders_;
  operator_request what_;
  operator_answer answer_;
  std::size_t owed_ = 0;
  std::optional<update_reply> discarded_;
  failure why_;
};

} // namespace

void answer_operator(caf::actor_system& system, const tracking_actor& tracker,
                     const forwarder_list& forwarders, const std::string& line,
                     operator_answer answer) {
  try {
    auto what = parse_operator_request(line);
    system.spawn<operator_job>(tracker, forwarders.all(), std::move(what),
                               answer);
  } catch (const operator_error& e) {
    answer(to_operator_error(e.code(), e.what()));
  } catch (const std::exception& e) { // no memory, say
    answer(to_operator_error(errc::overloaded, escape(e.what())));
  }
}

} // namespace waybill
