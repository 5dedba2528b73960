// Who follows a store: one thread looks for all of them what has been
// committed, on a connection of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "waybill/answer_stream.hpp"
#include "waybill/queries.hpp"
#include "waybill/store_source.hpp"

namespace waybill::dashboard {

/// How somebody hears what is committed.
struct subscription {
  /// From where on, and what of it; a stream is told as much at a time as there
  /// is.
  watch_transitions from;
  /// Server-sent events until it is over; if not, one answer, also without a
  /// transition when this is over.
  bool is_stream = true;
  std::chrono::steady_clock::time_point until
    = std::chrono::steady_clock::time_point::max();
};

/// `reply` as an event, whose id is the cursor to go on with.
std::string event_of(const watch_reply& reply);

class event_feed {
public:
  static constexpr std::size_t most_streams = 64;

  /// Looks at nothing before there is a subscription.
  explicit event_feed(std::string file);
  ~event_feed();

  /// Ends whatever somebody follows. Nobody can from now on.
  void close();

  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  /// @returns null if there are as many as there may be.
  std::shared_ptr<answer_stream> subscribe(subscription x);

private:
  struct follower {
    subscription asked;
    std::weak_ptr<answer_stream> to;
    std::chrono::steady_clock::time_point last_said;
  };

  // What has been committed behind a cursor, for all who have come as far or
  // further.
  struct news {
    std::optional<std::string> after;
    watch_reply reply;
    std::string event; // made once
    bool more = false;
  };

  void run();
  // Returns whether more is there already.
  bool look(std::vector<follower>& all);
  // Both return whether more is there for it.
  bool serve(follower& x, const news& said);
  bool read_alone(follower& x);
  static void tell(follower& x, const watch_reply& reply,
                   const std::string* event = nullptr);
  static void let_go(follower& x);

  store_source source_;
  /// Up to where all has been looked at; none: nobody follows.
  std::optional<std::string> tail_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<follower> new_;
  /// Streams that somebody holds; they may outlive this.
  std::shared_ptr<std::atomic<std::size_t>> open_
    = std::make_shared<std::atomic<std::size_t>>(0);
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace waybill::dashboard
