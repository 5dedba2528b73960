#include "waybill/service.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "waybill/actor_supervisor.hpp"
#include "waybill/line_server.hpp"
#include "waybill/operator_desk.hpp"
#include "waybill/operator_messages.hpp"
#include "waybill/retention_actor.hpp"
#include "waybill/status_requests.hpp"
#include "waybill/text.hpp"
#include "waybill/tracker_supervisor.hpp"

namespace waybill {

namespace {

using deadline = std::chrono::steady_clock::time_point;

// Knows who has not ended yet. Shared with those who end, who may outlive the
// service.
class end_watch {
public:
  explicit end_watch(std::vector<std::string> names)
    : running_{std::move(names)} {}

  void has_ended(const std::string& name) {
    const std::lock_guard guard{mutex_};
    running_.erase(std::find(running_.begin(), running_.end(), name));
    ended_.notify_all();
  }

  // Returns who is left at `when`.
  std::vector<std::string> wait_until(deadline when) {
    std::unique_lock guard{mutex_};
    ended_.wait_until(guard, when, [this] { return running_.empty(); });
    return running_;
  }

private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<std::string> running_;
};

// An actor, and what notices call it.
template <class Handle>
struct named {
  Handle actor;
  std::string name;
};

template <class Handle>
std::shared_ptr<end_watch> watch(const std::vector<named<Handle>>& actors) {
  std::vector<std::string> names;
  names.reserve(actors.size());
  for (const auto& x : actors)
    names.push_back(x.name);
  auto ends = std::make_shared<end_watch>(std::move(names));
  for (const auto& x : actors)
    x.actor->attach_functor(
      [ends, name = x.name](const caf::error&) { ends->has_ended(name); });
  return ends;
}

} // namespace

class service::impl {
public:
  impl(caf::actor_system& system, options x)
    : system_{system},
      options_{std::move(x)},
      supervisor_{system, options_},
      others_{options_.on_notice},
      status_request_actor_{
        others_.keep("the status request actor",
                     [&system, tracker = tracker(), x = options_] {
                       return caf::actor_cast<caf::strong_actor_ptr>(
                         spawn_status_request_actor(system, tracker, x));
                     })},
      status_requests_{
        spawn_status_request_gate(system, status_request_actor_, may_end())},
      retention_{others_.keep(
        "retention", [&system, tracker = tracker(), x = options_,
                      remembered = supervisor_.remembered(),
                      seen = clock_seen(options_, supervisor_.remembered())] {
          return caf::actor_cast<caf::strong_actor_ptr>(
            spawn_retention_actor(system, tracker, x, remembered, seen));
        })} {
    if (options_.operator_socket == on_off::on)
      listen_to_operators();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  ~impl() { stop(); }

  [[nodiscard]] const tracking_actor& tracker() const noexcept {
    return supervisor_.tracker();
  }

  [[nodiscard]] const status_request_actor& status_requests() const noexcept {
    return status_requests_;
  }

  store_and_forward_actor spawn_forwarder(forward_options x,
                                          deliver_function deliver) {
    x.may_end = may_end();
    x.on_breaker = [breakers = supervisor_.breakers(), whose = x.target](
                     bool is_open) { breakers->set(whose, is_open); };
    auto name = "store-and-forward \"" + escape(x.target) + '"';
    auto target = x.target;
    auto actor = waybill::spawn_store_and_forward(
      system_, tracker(), std::move(x), std::move(deliver), options_.on_notice);
    forwarders_.push_back({actor, std::move(name)});
    known_forwarders_->add({std::move(target), actor});
    return actor;
  }

  bool stop() {
    if (stopping_->exchange(true))
      return clean_;
    const auto when = std::chrono::steady_clock::now() + options_.stop_timeout;
    caf::scoped_actor self{system_};
    // Whoever reports goes before whom they report to.
    clean_ = end(self, forwarders_, when);
    if (!others_.stop(when))
      clean_ = all_ended({"the start of an actor"});
    const std::vector retention{named<retention_actor>{
      caf::actor_cast<retention_actor>(retention_->current()), "retention"}};
    clean_ = end(self, retention, when) && clean_;
    const auto tracker = supervisor_.stop(when);
    clean_ = all_ended(tracker.late) && clean_;
    if (tracker.log_left) {
      clean_ = false;
      notify(options_.on_notice, severity::warning, escape(*tracker.log_left));
    }
    // It has nothing of its own to finish.
    const std::vector status{named<status_request_actor>{
      caf::actor_cast<status_request_actor>(status_request_actor_->current()),
      "status requests"}};
    kill(self, status, *watch(status), when);
    operators_.reset(); // whose requests have their answers
    self->send_exit(status_requests_, caf::exit_reason::user_shutdown);
    return clean_;
  }

private:
  // A host runs without them, too.
  void listen_to_operators() {
    const auto path = operator_socket_of(options_.file);
    try {
      operators_ = std::make_unique<line_server>(
        path,
        line_server_limits{
          .line_bytes = max_operator_line,
          .too_many = to_operator_error(errc::overloaded,
                                        "too many programs are connected"),
          .too_long = to_operator_error(errc::invalid_request,
                                        "a line must have at most "
                                          + std::to_string(max_operator_line)
                                          + " bytes")},
        [&system = system_, tracker = tracker(),
         forwarders = known_forwarders_](const std::string& line, uid_t user,
                                         line_server::answer_function answer) {
          answer_operator(system, tracker, *forwarders, line, user,
                          std::move(answer));
        });
    } catch (const std::exception& e) {
      notify(options_.on_notice, severity::warning,
             "operators' commands do not reach this service: "
               + escape(e.what()));
    }
  }

  // Nobody but their owner ends whom others have handles of.
  [[nodiscard]] std::function<bool()> may_end() const {
    return [stopping = stopping_] { return stopping->load(); };
  }

  // Time for a killed actor to run its on_exit().
  static constexpr auto kill_timeout = std::chrono::seconds{1};

  template <class Handle>
  bool end(caf::scoped_actor& self, const std::vector<named<Handle>>& actors,
           deadline when) {
    const auto ends = watch(actors);
    for (const auto& x : actors)
      tell(self, x.actor, shut_down{});
    if (all_ended(ends->wait_until(when)))
      return true;
    kill(self, actors, *ends, when);
    return false;
  }

  // Says who has not.
  [[nodiscard]] bool all_ended(const std::vector<std::string>& late) const {
    for (const auto& name : late)
      notify(options_.on_notice, severity::warning,
             name + " has not ended within stop_timeout ("
               + to_text(options_.stop_timeout) + ") and is killed");
    return late.empty();
  }

  template <class Handle>
  static void kill(caf::scoped_actor& self,
                   const std::vector<named<Handle>>& actors, end_watch& ends,
                   deadline when) {
    for (const auto& x : actors)
      self->send_exit(x.actor, caf::exit_reason::kill);
    ends.wait_until(std::max(when, std::chrono::steady_clock::now())
                    + kill_timeout);
  }

  caf::actor_system& system_;
  options options_;
  // Shared with the actors, which may outlive this.
  const std::shared_ptr<std::atomic<bool>> stopping_
    = std::make_shared<std::atomic<bool>>(false);
  tracker_supervisor supervisor_;
  actor_supervisor others_;
  std::shared_ptr<const supervised_actor> status_request_actor_;
  status_request_actor status_requests_;
  std::shared_ptr<const supervised_actor> retention_;
  std::vector<named<store_and_forward_actor>> forwarders_;
  const std::shared_ptr<forwarder_list> known_forwarders_
    = std::make_shared<forwarder_list>();
  std::unique_ptr<line_server> operators_;
  bool clean_ = true;
};

service::service(std::unique_ptr<impl> x) noexcept : impl_{std::move(x)} {}

service::service(service&&) noexcept = default;

service& service::operator=(service&&) noexcept = default;

service::~service() = default;

const tracking_actor& service::tracker() const noexcept {
  return impl_->tracker();
}

const status_request_actor& service::status_requests() const noexcept {
  return impl_->status_requests();
}

store_and_forward_actor
service::spawn_store_and_forward(forward_options options,
                                 deliver_function deliver) {
  return impl_->spawn_forwarder(std::move(options), std::move(deliver));
}

bool service::stop() {
  return impl_->stop();
}

service start(caf::actor_system& system, options x) {
  validate(x);
  if (!types_registered())
    throw std::logic_error{"waybill's message types are unknown to CAF; call "
                           "waybill::register_types before the actor system "
                           "is created"};
  return service{std::make_unique<service::impl>(system, std::move(x))};
}

service start(caf::actor_system& system) {
  return start(system, options_from_config(system.config()));
}

} // namespace waybill
