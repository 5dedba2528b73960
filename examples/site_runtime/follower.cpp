#include "site_runtime/follower.hpp"

#include <utility>

#include "waybill/ask.hpp"

namespace site_runtime {

follower::follower(caf::actor_system& system, waybill::tracking_actor tracker)
  : system_{system}, tracker_{std::move(tracker)} {
  question_.page_size = waybill::limits::max_page_size;
  question_.after = ask(system_, tracker_, question_).next;
}

std::vector<waybill::transition> follower::take() {
  try {
    auto reply = ask(system_, tracker_, question_);
    question_.after = reply.next;
    return std::move(reply.transitions);
  } catch (const waybill::request_error&) {
    return {}; // the same question gets it all later
  }
}

} // namespace site_runtime
