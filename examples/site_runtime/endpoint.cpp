#include "site_runtime/endpoint.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include <httplib.h>

namespace site_runtime {

namespace {

using namespace std::chrono_literals;

// -- fate ---------------------------------------------------------------------

// The last step of SplitMix64: any two inputs give unrelated outputs.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

// A number from 0 to 99.
int draw(std::uint64_t seed, const waybill::tracked_operation_id& id,
         std::int64_t salt) {
  const auto call = mix(mix(seed) ^ mix(id.high()) ^ id.low());
  return static_cast<int>(mix(call + static_cast<std::uint64_t>(salt)) % 100);
}

constexpr std::int64_t never = INT64_MAX;

// How often a call fails before it is taken or refused.
std::int64_t failures_of(int luck) {
  if (luck < 68)
    return 0;
  if (luck < 81)
    return 1;
  if (luck < 90)
    return 2;
  if (luck < 96)
    return 3;
  return never;
}

endpoint_answer failure(int luck) {
  using enum endpoint_answer::kind;
  if (luck < 40)
    return {.status = 503, .text = "restarting"};
  if (luck < 60)
    return {.status = 429, .text = "slow down", .retry_after = 1};
  if (luck < 72)
    return {.status = 500, .text = "deadlock, rolled back", .slowness = 5};
  if (luck < 90)
    return {.what = drop, .text = {}};
  return {.what = stall, .text = {}};
}

endpoint_answer refusal(int luck) {
  if (luck < 50)
    return {.status = 400, .text = "a field is not what it must be"};
  if (luck < 80)
    return {.status = 409, .text = "closed for changes"};
  return {.status = 404, .text = "no such resource"};
}

} // namespace

endpoint_answer answer_to(std::uint64_t seed,
                          const waybill::tracked_operation_id& id,
                          std::int64_t attempt) {
  // The attempts themselves draw with 1 and above.
  enum salt : std::int64_t { for_failures = -1, for_end = -2, for_reason = -3 };
  if (attempt <= failures_of(draw(seed, id, for_failures)))
    return failure(draw(seed, id, attempt));
  const auto luck = draw(seed, id, for_end);
  if (luck < 5)
    return refusal(draw(seed, id, for_reason));
  return {.status = 201, .text = "taken", .slowness = luck < 15 ? 25 : 1};
}

// -- server -------------------------------------------------------------------

class endpoint::impl {
public:
  explicit impl(endpoint_options options) : options_{std::move(options)} {
    server_.new_task_queue = [threads = options_.threads] {
      return std::make_unique<httplib::ThreadPool>(threads).release();
    };
    server_.set_keep_alive_max_count(1);
    server_.Post(".*", [this](const auto& request, auto& response) {
      serve(request, response);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    if (port_ < 0)
      throw std::system_error{errno, std::generic_category(),
                              "cannot listen on loopback"};
    thread_ = std::thread{[this] { server_.listen_after_bind(); }};
  }

  ~impl() {
    {
      const std::lock_guard guard{mutex_};
      stopping_ = true;
    }
    stopped_.notify_all();
    // Before it runs, stop() would do nothing.
    while (!server_.is_running())
      std::this_thread::sleep_for(1ms);
    server_.stop();
    thread_.join();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  [[nodiscard]] int port() const { return port_; }

private:
  void serve(const httplib::Request& request, httplib::Response& response) {
    const auto id = waybill::tracked_operation_id::parse(
      request.get_header_value(key_header));
    const auto number = request.get_header_value(attempt_header);
    std::int64_t attempt = 0;
    std::from_chars(number.data(), number.data() + number.size(), attempt);
    if (!id || attempt < 1) {
      respond(response, 400, "needs the headers Idempotency-Key and Attempt");
      return;
    }
    if (options_.on_request)
      options_.on_request(*id);
    const auto answer = answer_to(options_.seed, *id, attempt);
    switch (answer.what) {
      case endpoint_answer::kind::respond:
        wait(options_.latency * answer.slowness);
        if (answer.retry_after > 0)
          response.set_header("Retry-After",
                              std::to_string(answer.retry_after));
        respond(response, answer.status, answer.text);
        break;
      case endpoint_answer::kind::stall:
        wait(options_.stall);
        [[fallthrough]];
      case endpoint_answer::kind::drop:
        // A promised body that does not come.
        response.set_content_provider(100, "application/json",
                                      [](std::size_t, std::size_t,
                                         httplib::DataSink&) { return false; });
        break;
    }
  }

  static void respond(httplib::Response& response, int status,
                      std::string_view text) {
    response.status = status;
    response.set_content(std::string{text}, "text/plain");
  }

  // Ends early when the endpoint stops.
  void wait(std::chrono::milliseconds time) {
    std::unique_lock guard{mutex_};
    stopped_.wait_for(guard, time, [this] { return stopping_; });
  }

  const endpoint_options options_;
  httplib::Server server_;
  int port_ = -1;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

endpoint::endpoint(endpoint_options options)
  : impl_{std::make_unique<impl>(std::move(options))} {}

endpoint::~endpoint() = default;

std::string endpoint::url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->port());
}

} // namespace site_runtime
