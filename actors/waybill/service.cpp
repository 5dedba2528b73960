#include "waybill/service.hpp"

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "waybill/retention_actor.hpp"
#include "waybill/status_requests.hpp"
#include "waybill/tracker_supervisor.hpp"

namespace waybill {

namespace {

using deadline = std::chrono::steady_clock::time_point;

// Counts what has not ended yet. Shared with those who end, who may outlive the
// service.
class end_counter {
public:
  explicit end_counter(std::size_t running) : running_{running} {}

  void one_ended() {
    const std::lock_guard guard{mutex_};
    --running_;
    ended_.notify_all();
  }

  bool wait_until(deadline when) {
    std::unique_lock guard{mutex_};
    return ended_.wait_until(guard, when, [this] { return running_ == 0; });
  }

private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_;
};

using shared_counter = std::shared_ptr<end_counter>;

template <class Handle>
shared_counter watch(const std::vector<Handle>& actors) {
  auto counter = std::make_shared<end_counter>(actors.size());
  for (const auto& actor : actors)
    actor->attach_functor(
      [counter](const caf::error&) { counter->one_ended(); });
  return counter;
}

} // namespace

class service::impl {
public:
  impl(caf::actor_system& system, options x)
    : system_{system},
      options_{std::move(x)},
      supervisor_{system, options_},
      status_requests_{spawn_status_request_actor(system, tracker(), options_)},
      retention_{spawn_retention_actor(system, tracker(), options_)} {}

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
    auto actor = waybill::spawn_store_and_forward(
      system_, tracker(), std::move(x), std::move(deliver), options_.on_notice);
    forwarders_.push_back(actor);
    return actor;
  }

  bool stop() {
    if (std::exchange(stopped_, true))
      return clean_;
    const auto when = std::chrono::steady_clock::now() + options_.stop_timeout;
    caf::scoped_actor self{system_};
    // Whoever reports goes before whom they report to.
    clean_ = end(self, forwarders_, watch(forwarders_), when);
    const std::vector retention{retention_};
    clean_ = end(self, retention, watch(retention), when) && clean_;
    clean_ = supervisor_.stop(when) && clean_;
    // It has nothing of its own to finish.
    const std::vector status{status_requests_};
    kill(self, status, watch(status), when);
    return clean_;
  }

private:
  // Time for a killed actor to run its on_exit().
  static constexpr auto kill_timeout = std::chrono::seconds{1};

  template <class Handle>
  static bool end(caf::scoped_actor& self, const std::vector<Handle>& actors,
                  const shared_counter& counter, deadline when) {
    for (const auto& actor : actors)
      tell(self, actor, shut_down{});
    if (counter->wait_until(when))
      return true;
    kill(self, actors, counter, when);
    return false;
  }

  template <class Handle>
  static void kill(caf::scoped_actor& self, const std::vector<Handle>& actors,
                   const shared_counter& counter, deadline when) {
    for (const auto& actor : actors)
      self->send_exit(actor, caf::exit_reason::kill);
    counter->wait_until(std::max(when, std::chrono::steady_clock::now())
                        + kill_timeout);
  }

  caf::actor_system& system_;
  options options_;
  tracker_supervisor supervisor_;
  status_request_actor status_requests_;
  retention_actor retention_;
  std::vector<store_and_forward_actor> forwarders_;
  bool stopped_ = false;
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
