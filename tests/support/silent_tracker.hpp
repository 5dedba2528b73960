// A tracker that never answers.
#pragma once

#include <functional>
#include <vector>

#include "waybill/protocol.hpp"

namespace waybill::test {

class silent_tracker : public tracking_actor::base {
public:
  using super = tracking_actor::base;
  using super::super;

  behavior_type make_behavior() override {
    return {
      [this](const record_enqueue&) { return never<enqueue_reply>(); },
      [this](const record_attempt&) { return never<update_reply>(); },
      [this](const record_terminal&) { return never<update_reply>(); },
      [this](const get_status&) { return never<status_reply>(); },
      [this](const purge_terminal&) { return never<purge_reply>(); },
      [this](const get_counts&) { return never<counts_reply>(); },
      [this](const get_health&) { return never<health_reply>(); },
      [this](const get_stats&) { return never<stats_reply>(); },
      [this](const await_terminal&) { return never<wait_reply>(); },
      [this](const list_operations&) { return never<list_reply>(); },
      [this](const get_history&) { return never<history_reply>(); },
      [this](const watch_transitions&) { return never<watch_reply>(); },
      [this](const open_target&) { return never<target_reply>(); },
      [this](const get_target&) { return never<target_reply>(); },
      [this](const pause_target&) { return never<pause_reply>(); },
      [this](const resume_target&) { return never<pause_reply>(); },
      [this](const take_call&) { return never<take_reply>(); },
      [this](const begin_call&) { return never<begin_reply>(); },
      [this](const retry_call&) { return never<update_reply>(); },
      [this](const end_call&) { return never<update_reply>(); },
      [this](const requeue&) { return never<requeue_reply>(); },
      [this](const discard_many&) { return never<discard_reply>(); },
      [this](const find_calls&) { return never<find_reply>(); },
      [this](const find_due&) { return never<find_reply>(); },
      [this](const find_keyed&) { return never<find_reply>(); },
      [this](const request_bundle&) { return never<bundle_reply>(); },
    };
  }

  // In CAF 0.17 an actor that holds a promise holds itself.
  void on_exit() override { kept_.clear(); }

private:
  template <class Reply>
  caf::typed_response_promise<Reply> never() {
    auto promise = this->make_response_promise<Reply>();
    kept_.push_back([promise]() mutable { promise.deliver(Reply{}); });
    return promise;
  }

  std::vector<std::function<void()>> kept_;
};

} // namespace waybill::test
