#include "waybill/tracking_client.hpp"

#include <deque>

namespace waybill {

class blocking_tracking_client::impl {
public:
  using shared_handlers = std::shared_ptr<request_pipeline::handlers>;

  impl(caf::actor_system& system, tracking_actor tracker,
       tracking_client_options x)
    : self_{system},
      tracker_{std::move(tracker)},
      pipeline_{x, [this](request_bundle what, shared_handlers to) {
                  open_.push_back(
                    {self_.request(tracker_, pipeline_.options().timeout,
                                   std::move(what)),
                     std::move(to)});
                }} {}

  void wait() {
    if (open_.empty())
      return;
    // Answers come in order: the tracker commits in order.
    auto next = std::move(open_.front());
    open_.pop_front();
    std::move(next.answer)
      .receive([&](bundle_reply& x) { pipeline_.answered(*next.to, x); },
               [&](const caf::error& e) {
                 pipeline_.failed(*next.to, to_failure(e));
               });
  }

  request_pipeline& pipeline() noexcept { return pipeline_; }

private:
  struct open_bundle {
    decltype(std::declval<blocking_sender&>().request(
      std::declval<const tracking_actor&>(), std::chrono::nanoseconds{},
      request_bundle{})) answer;
    shared_handlers to;
  };

  blocking_sender self_;
  tracking_actor tracker_;
  std::deque<open_bundle> open_;
  request_pipeline pipeline_;
};

blocking_tracking_client::blocking_tracking_client(caf::actor_system& system,
                                                   tracking_actor tracker,
                                                   tracking_client_options x)
  : impl_{std::make_unique<impl>(system, std::move(tracker), x)} {}

blocking_tracking_client::~blocking_tracking_client() = default;

request_pipeline& blocking_tracking_client::pipeline() noexcept {
  return impl_->pipeline();
}

std::size_t blocking_tracking_client::num_open() const noexcept {
  return impl_->pipeline().num_open();
}

void blocking_tracking_client::wait() {
  impl_->wait();
}

} // namespace waybill
