#include "site_runtime/follower.hpp"

#include <chrono>
#include <utility>

#include "waybill/ask.hpp"

namespace site_runtime {

namespace {

using namespace std::chrono_literals;

// How long a question waits for a transition; the end of a run waits as long.
constexpr auto patience = 200ms;

} // namespace

follower::follower(caf::actor_system& system, waybill::tracking_actor tracker)
  : system_{system}, tracker_{std::move(tracker)} {
  waybill::watch_transitions question;
  question.after = ask(system_, tracker_, question).next;
  question.page_size = waybill::limits::max_page_size;
  thread_ = std::thread{[this, question] { follow(question); }};
}

follower::~follower() {
  stopping_ = true;
  thread_.join();
}

follower::news follower::take() {
  const std::lock_guard guard{mutex_};
  return std::exchange(news_, {});
}

void follower::follow(waybill::watch_transitions question) {
  while (!stopping_) {
    try {
      question.deadline = waybill::timestamp::now() + patience;
      const auto reply = ask(system_, tracker_, question);
      question.after = reply.next;
      const std::lock_guard guard{mutex_};
      for (const auto& each : reply.transitions)
        news_.changed.push_back(each.id);
      news_.incomplete = news_.incomplete || reply.gap;
    } catch (const waybill::request_error&) {
      {
        const std::lock_guard guard{mutex_};
        news_.incomplete = true;
      }
      std::this_thread::sleep_for(patience); // it may recover
    }
  }
}

} // namespace site_runtime
