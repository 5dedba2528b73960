#include "waybill/watch_answer.hpp"

#include <chrono>
#include <string_view>
#include <utility>

#include "waybill/json.hpp"
#include "waybill/watch_query.hpp"

namespace waybill::dashboard {

namespace {

constexpr std::chrono::milliseconds first_search_time{100};
constexpr std::string_view event_type = "text/event-stream";

bool wants_events(const http_request& asked) {
  return asked.accept && asked.accept->find(event_type) != std::string::npos;
}

http_response too_many() {
  auto x = problem(503, "as many streams as there may be are open; ask again "
                        "with wait=0s");
  x.headers.emplace_back("Retry-After", "5");
  return x;
}

http_response once(const watch_reply& reply) {
  http_response x;
  x.type = "application/json";
  x.body = to_json_text(reply);
  return x;
}

http_response streamed(std::string_view type,
                       std::shared_ptr<answer_stream> stream) {
  http_response x;
  x.type = type;
  x.stream = std::move(stream);
  x.headers.emplace_back("Cache-Control", "no-store");
  x.headers.emplace_back("X-Accel-Buffering", "no"); // nginx passes it on
  return x;
}

} // namespace

http_response answer_watch(const answer_context& c, event_feed& feed) {
  auto query = parse_watch_query(c.asked.query, watch_use::api);
  auto& request = query.request;
  // A browser that has lost its connection goes on where it was.
  if (c.asked.last_event_id && !c.asked.last_event_id->empty())
    request.after = c.asked.last_event_id;
  // What is wrong with the request is said now.
  const auto reply = c.store.read_transitions(request, first_search_time);
  const auto is_news = !reply.transitions.empty() || reply.gap;
  subscription wanted{.from = request};
  wanted.from.after = reply.next;
  wanted.is_stream = wants_events(c.asked);
  if (wanted.is_stream) {
    auto stream = feed.subscribe(std::move(wanted));
    if (!stream)
      return too_many();
    stream->write("retry: 2000\nid: " + reply.next + "\n\n");
    if (is_news)
      stream->write(event_of(reply));
    return streamed(event_type, std::move(stream));
  }
  if (is_news || query.wait.count() == 0 || c.asked.method == "HEAD")
    return once(reply);
  wanted.until = std::chrono::steady_clock::now() + query.wait;
  auto stream = feed.subscribe(std::move(wanted));
  return stream ? streamed("application/json", std::move(stream)) : once(reply);
}

} // namespace waybill::dashboard
