#include "waybill/event_feed.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "waybill/json.hpp"

namespace waybill::dashboard {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_every{100};
// Without a word for so long, the other side may be gone.
constexpr std::chrono::seconds silence{10};
// Whoever reads more slowly is passed over until it has read, and then goes on
// where it was.
constexpr std::size_t most_unread = 262'144;
constexpr std::chrono::milliseconds search_at_a_time{20};

bool is_among(const transition& x, const watch_transitions& wanted) {
  const auto fits = [](const auto& list, const auto& value) {
    return list.empty() || std::ranges::find(list, value) != list.end();
  };
  return fits(wanted.statuses, x.status) && fits(wanted.ids, x.id)
         && fits(wanted.kinds, x.kind);
}

watch_reply part_of(const watch_reply& all, const watch_transitions& wanted) {
  watch_reply x;
  x.gap = all.gap;
  x.next = all.next;
  for (const auto& each : all.transitions)
    if (is_among(each, wanted))
      x.transitions.push_back(each);
  return x;
}

bool takes_all(const watch_transitions& x) {
  return x.statuses.empty() && x.ids.empty() && x.kinds.empty();
}

} // namespace

std::string event_of(const watch_reply& reply) {
  return "id: " + reply.next + "\ndata: " + to_json_text(reply) + "\n\n";
}

event_feed::event_feed(std::string file) : source_{std::move(file)} {}

event_feed::~event_feed() {
  {
    const std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

std::shared_ptr<answer_stream> event_feed::subscribe(subscription x) {
  const std::lock_guard guard{mutex_};
  if (*open_ >= most_streams || stopping_)
    return nullptr;
  // It is counted until nobody holds it.
  struct counted_stream : answer_stream {
    explicit counted_stream(std::shared_ptr<std::atomic<std::size_t>> to)
      : count{std::move(to)} {
      ++*count;
    }
    ~counted_stream() { --*count; }
    counted_stream(const counted_stream&) = delete;
    counted_stream& operator=(const counted_stream&) = delete;
    std::shared_ptr<std::atomic<std::size_t>> count;
  };
  const auto made = std::make_shared<counted_stream>(open_);
  new_.push_back({std::move(x), made, steady_clock::now()});
  if (!thread_.joinable())
    thread_ = std::thread{[this] { run(); }};
  changed_.notify_all();
  return made;
}

void event_feed::run() {
  std::vector<follower> all;
  bool more = false;
  for (;;) {
    {
      std::unique_lock lock{mutex_};
      const auto is_asked = [&] { return stopping_ || !new_.empty(); };
      if (all.empty())
        changed_.wait(lock, is_asked);
      else if (!more)
        changed_.wait_for(lock, look_every, is_asked);
      if (stopping_)
        break;
      std::ranges::move(new_, std::back_inserter(all));
      new_.clear();
    }
    try {
      more = look(all);
    } catch (const std::exception&) {
      give_up(all);
      more = false;
    }
    std::erase_if(all, [](const follower& each) {
      const auto to = each.to.lock();
      return !to || to->has_ended();
    });
  }
  for (auto& each : all)
    if (const auto to = each.to.lock())
      to->end();
}

// The store has been replaced, or cannot be read: whoever asks again hears why.
void event_feed::give_up(std::vector<follower>& all) {
  source_.forget();
  tail_.reset();
  for (auto& each : all)
    if (const auto to = each.to.lock()) {
      if (each.asked.is_stream)
        to->write("event: over\ndata: \n\n");
      to->end();
    }
}

bool event_feed::look(std::vector<follower>& all) {
  news said;
  said.after = tail_;
  watch_transitions request;
  request.after = tail_;
  request.page_size = limits::max_page_size;
  said.reply = source_.reader().read_transitions(request, search_at_a_time,
                                                 said.more);
  if (!said.reply.transitions.empty())
    said.event = event_of(said.reply);
  tail_ = said.reply.next;
  for (auto& each : all)
    serve(each, said);
  return said.more;
}

void event_feed::serve(follower& x, const news& said) {
  const auto to = x.to.lock();
  if (!to || to->has_ended() || to->unread() > most_unread)
    return;
  const auto& from = x.asked.from;
  if (!said.after || from.after != said.after)
    tell(x, source_.reader().read_transitions(from, search_at_a_time));
  else if (takes_all(from))
    tell(x, said.reply, said.event.empty() ? nullptr : &said.event);
  else
    tell(x, part_of(said.reply, from));
}

void event_feed::tell(follower& x, const watch_reply& reply,
                      const std::string* event) {
  const auto to = x.to.lock();
  if (!to)
    return;
  const auto now = steady_clock::now();
  const auto is_news = !reply.transitions.empty() || reply.gap;
  x.asked.from.after = reply.next;
  if (!x.asked.is_stream) {
    if (is_news || now >= x.asked.until) {
      to->write(to_json_text(reply));
      to->end();
    }
  } else if (is_news) {
    to->write(event != nullptr ? *event : event_of(reply));
    x.last_said = now;
  } else if (now - x.last_said >= silence) {
    to->write("id: " + reply.next + "\n: \n\n");
    x.last_said = now;
  }
}

} // namespace waybill::dashboard
