#include "waybill/tracking_client.hpp"

#include <deque>
#include <optional>

namespace waybill {

class blocking_tracking_client::impl {
public:
  using shared_handlers = std::shared_ptr<request_pipeline::handlers>;

  impl(caf::actor_system& system, tracking_actor tracker,
       tracking_client_options x)
    : self_{system},
      tracker_{std::move(tracker)},
      pipeline_{x, [this](request_bundle what, shared_handlers to,
                          std::chrono::nanoseconds timeout) {
                  open_.push_back(
                    {self_.request(tracker_, timeout, std::move(what)),
                     std::move(to)});
                }} {}

  // Returns false if there is nothing to wait for.
  bool wait() {
    if (open_.empty())
      pipeline_.flush(); // who waits cannot let go of a hold
    if (open_.empty())
      return false;
    // Answers come in order: the tracker commits in order.
    auto next = std::move(open_.front());
    open_.pop_front();
    std::optional<bundle_reply> reply;
    failure why;
    std::move(next.answer)
      .receive([&](bundle_reply& x) { reply = std::move(x); },
               [&](const caf::error& e) { why = to_failure(e); });
    // Not within CAF's receive, for they may throw, and wait themselves.
    if (reply)
      pipeline_.answered(*next.to, *reply);
    else
      pipeline_.failed(*next.to, why);
    return true;
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

void blocking_tracking_client::wait_all() {
  while (impl_->wait()) {
    // goes on
  }
}

} // namespace waybill
