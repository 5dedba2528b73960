#include "waybill/event_feed.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "waybill/json.hpp"
#include "waybill/store_error.hpp"
#include "waybill/watch_query.hpp"

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

// What all have in common but the number.
std::string_view origin_of(std::string_view cursor) {
  return cursor.substr(0, cursor.rfind('-') + 1);
}

// What of it is behind `wanted.after`, which has come as far or further.
watch_reply part_of(const watch_reply& all, const watch_transitions& wanted) {
  const auto own = number_in(*wanted.after);
  watch_reply x;
  x.next = number_in(all.next) > own ? all.next : *wanted.after;
  if (all.gap && all.gap->to > own)
    x.gap = transition_gap{std::max(all.gap->from, own + 1), all.gap->to};
  for (const auto& each : all.transitions)
    if (each.number > own && is_among(each, wanted))
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
  close();
}

void event_feed::close() {
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
  if (x.is_stream)
    x.from.page_size = limits::max_page_size;
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
      std::ranges::move(new_, std::back_inserter(all));
      new_.clear();
      if (stopping_)
        break;
    }
    try {
      more = look(all);
    } catch (const std::exception&) {
      // It cannot be read: whoever asks again hears why, and goes on if that
      // has passed.
      source_.forget();
      std::ranges::for_each(all, let_go);
      more = false;
    }
    std::erase_if(all, [](const follower& each) {
      const auto to = each.to.lock();
      return !to || to->has_ended();
    });
    // Who comes later has nothing to do with what is committed until then.
    if (all.empty())
      tail_.reset();
  }
  std::ranges::for_each(all, let_go);
}

void event_feed::let_go(follower& x) {
  const auto to = x.to.lock();
  if (!to || to->has_ended())
    return;
  if (!x.asked.is_stream) {
    watch_reply nothing;
    nothing.next = x.asked.from.after.value_or("");
    to->write(to_json_text(nothing));
  }
  to->end();
}

bool event_feed::look(std::vector<follower>& all) {
  news said;
  watch_transitions request;
  request.after = tail_;
  request.page_size = limits::max_page_size;
  auto& reader = source_.reader();
  try {
    said.reply = reader.read_transitions(request, search_at_a_time, said.more);
    said.after = tail_;
    tail_ = said.reply.next;
  } catch (const store_error& e) {
    if (e.code() != errc::invalid_request)
      throw;
    tail_.reset(); // of a store that has been replaced
  }
  if (!said.reply.transitions.empty())
    said.event = event_of(said.reply);
  auto more = said.more;
  for (auto& each : all)
    more = serve(each, said) || more;
  return more;
}

bool event_feed::serve(follower& x, const news& said) {
  const auto to = x.to.lock();
  if (!to || to->has_ended() || to->unread() > most_unread)
    return false;
  const auto& from = x.asked.from;
  if (!said.after || !from.after
      || origin_of(*from.after) != origin_of(*said.after)
      || number_in(*from.after) < number_in(*said.after))
    return read_alone(x);
  if (x.asked.is_stream && takes_all(from) && from.after == said.after) {
    tell(x, said.reply, said.event.empty() ? nullptr : &said.event);
    return false;
  }
  const auto part = part_of(said.reply, from);
  if (std::ssize(part.transitions) > from.page_size)
    return read_alone(x);
  tell(x, part);
  return false;
}

bool event_feed::read_alone(follower& x) {
  const auto to = x.to.lock();
  if (!to)
    return false;
  auto more = false;
  try {
    tell(x, source_.reader().read_transitions(x.asked.from, search_at_a_time,
                                              more));
  } catch (const store_error& e) {
    if (e.code() != errc::invalid_request)
      throw;
    // The store has been replaced: this one has never said that cursor.
    if (x.asked.is_stream)
      to->write("event: over\ndata: \n\n");
    let_go(x);
  }
  return more && !to->has_ended() && to->unread() <= most_unread;
}

void event_feed::tell(follower& x, const watch_reply& reply,
                      const std::string* event) {
  const auto to = x.to.lock();
  if (!to)
    return;
  const auto now = steady_clock::now();
  const auto is_news = !reply.transitions.empty() || reply.gap;
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
  x.asked.from.after = reply.next;
}

} // namespace waybill::dashboard
