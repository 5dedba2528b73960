#include "waybill/delivery_worker.hpp"

#include <exception>
#include <utility>

#include "waybill/payload_coding.hpp"
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
                       std::shared_ptr<const target_functions> functions,
                       std::shared_ptr<delivery_queue> queue,
                       std::int64_t last_error_cap)
    : super{config},
      functions_{std::move(functions)},
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
    functions_.reset();
    queue_.reset();
  }

  // Returns false if there is nothing to do.
  bool work() {
    auto next = queue_->take(delivery_worker{this});
    if (next.next)
      tell(this, *next.next, work_tick{});
    if (next.job)
      tell(this, next.job->to, attempt(*next.job));
    return next.job.has_value();
  }

  delivery_done attempt(delivery_job& job) const {
    delivery_done ended{.worker = job.worker, .result = {}};
    auto& call = job.what.call;
    auto& result = ended.result;
    if (auto why = decode_payload(functions_->decode, job.what.codec,
                                  call.payload)) {
      ended.made = false;
      result.error = std::move(*why);
    } else {
      result = run(call);
    }
    if (result.error)
      result.error = fit_error(*result.error, last_error_cap_);
    if (result.http_status
        && (*result.http_status < 100 || *result.http_status > 599))
      result.http_status.reset();
    return ended;
  }

  delivery_result run(const delivery& call) const {
    using kind = delivery_result::kind;
    try {
      return functions_->deliver(call);
    } catch (const std::exception& e) {
      return {.what = kind::unknown, .error = e.what()};
    } catch (...) {
      return {.what = kind::unknown,
              .error = "deliver threw what is no std::exception"};
    }
  }

  std::shared_ptr<const target_functions> functions_;
  std::shared_ptr<delivery_queue> queue_;
  const std::int64_t last_error_cap_;
};

} // namespace

delivery_worker spawn_delivery_worker(
  caf::actor_system& system, std::shared_ptr<const target_functions> functions,
  std::shared_ptr<delivery_queue> queue, std::int64_t last_error_cap) {
  auto worker = spawn_detached<delivery_worker_impl>(system,
                                                     std::move(functions),
                                                     queue, last_error_cap);
  queue->add(worker);
  return worker;
}

} // namespace waybill
