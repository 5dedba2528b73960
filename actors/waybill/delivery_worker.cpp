#include "waybill/delivery_worker.hpp"

#include <exception>
#include <utility>

#include "waybill/text.hpp"

namespace waybill {

namespace {

// Fit to be reported, whatever the target sent.
std::string fit_error(std::string_view text, std::int64_t last_error_cap) {
  const auto cap = static_cast<std::size_t>(last_error_cap);
  // One byte too many tells a text that has been cut. Sanitizing shortens none.
  return truncate_utf8(sanitize_utf8(text.substr(0, cap + 1)), cap);
}

class delivery_worker_impl : public delivery_worker::base {
public:
  using super = delivery_worker::base;

  delivery_worker_impl(caf::actor_config& config,
                       std::shared_ptr<const deliver_function> deliver,
                       std::shared_ptr<delivery_queue> queue,
                       std::int64_t last_error_cap)
    : super{config},
      deliver_{std::move(deliver)},
      queue_{std::move(queue)},
      last_error_cap_{last_error_cap} {}

  const char* name() const override { return "waybill.delivery_worker"; }

  behavior_type make_behavior() override {
    return {
      [this](const work_tick&) {
        queue_->woken();
        while (work()) {
          // goes on
        }
      },
      [this](const shut_down&) {
        let_go();
        const auto listener
          = caf::actor_cast<delivery_listener>(this->current_sender());
        if (listener)
          tell(this, listener, drained{});
        this->quit();
      },
    };
  }

  void on_exit() override { let_go(); }

private:
  void let_go() {
    deliver_.reset();
    queue_.reset();
  }

  // Returns false if there is nothing to do.
  bool work() {
    const auto next = queue_->take(delivery_worker{this});
    if (next.next)
      tell(this, *next.next, work_tick{});
    if (next.job)
      tell(this, next.job->to,
           delivery_done{next.job->worker, attempt(next.job->call)});
    return next.job.has_value();
  }

  delivery_result attempt(const delivery& call) const {
    auto result = run(call);
    if (result.error)
      result.error = fit_error(*result.error, last_error_cap_);
    if (result.http_status
        && (*result.http_status < 100 || *result.http_status > 599))
      result.http_status.reset();
    return result;
  }

  delivery_result run(const delivery& call) const {
    using kind = delivery_result::kind;
    try {
      return (*deliver_)(call);
    } catch (const std::exception& e) {
      return {.what = kind::unknown, .error = e.what()};
    } catch (...) {
      return {.what = kind::unknown,
              .error = "deliver threw what is no std::exception"};
    }
  }

  std::shared_ptr<const deliver_function> deliver_;
  std::shared_ptr<delivery_queue> queue_;
  const std::int64_t last_error_cap_;
};

} // namespace

delivery_worker spawn_delivery_worker(
  caf::actor_system& system, std::shared_ptr<const deliver_function> deliver,
  std::shared_ptr<delivery_queue> queue, std::int64_t last_error_cap) {
  auto worker = spawn_detached<delivery_worker_impl>(system, std::move(deliver),
                                                     queue, last_error_cap);
  queue->add(worker);
  return worker;
}

} // namespace waybill
