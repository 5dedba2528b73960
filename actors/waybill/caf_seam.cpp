#include "waybill/caf_seam.hpp"

#include <charconv>
#include <future>
#include <string_view>
#include <thread>

#if !WAYBILL_CAF_1
#  include <caf/actor_clock.hpp>
#  include <caf/actor_config.hpp>
#  include <caf/make_actor.hpp>
#  include <caf/monitorable_actor.hpp>
#endif

namespace waybill {

namespace {

// A number if `text` is all of one, or else the text.
caf::config_value to_number(std::string_view text) {
  const auto* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, whole);
      error == std::errc{} && stop == end)
    return caf::config_value{whole};
  double real = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, real);
      error == std::errc{} && stop == end)
    return caf::config_value{real};
  return caf::config_value{std::string{text}};
}

#if WAYBILL_CAF_1

const caf::config_option::meta_state text_meta{
  [](void*, caf::config_value&) { return caf::error{}; }, nullptr, "text"};

const caf::config_option::meta_state number_meta{
  [](void*, caf::config_value& x) {
    if (const auto* const text = caf::get_if<std::string>(&x))
      x = to_number(std::string{*text});
    return caf::error{};
  },
  nullptr, "number"};

#else

caf::error accept(const caf::config_value&) {
  return {};
}

void store_nowhere(void*, const caf::config_value&) {
  // The config keeps it.
}

const caf::config_option::meta_state text_meta{
  &accept, &store_nowhere, nullptr,
  [](void*, caf::string_view text) -> caf::expected<caf::config_value> {
    return caf::config_value{std::string{text.begin(), text.end()}};
  },
  "text"};

const caf::config_option::meta_state number_meta{
  &accept, &store_nowhere, nullptr,
  [](void*, caf::string_view text) -> caf::expected<caf::config_value> {
    return to_number({text.data(), text.size()});
  },
  "number"};

// Stands for a receiver in CAF's clock, which holds whom it sends to.
class weak_receiver : public caf::monitorable_actor {
public:
  using caf::monitorable_actor::enqueue;

  weak_receiver(caf::actor_config& config, caf::weak_actor_ptr from,
                caf::weak_actor_ptr to)
    : monitorable_actor{config}, from_{std::move(from)}, to_{std::move(to)} {}

  const char* name() const override { return "waybill.timer"; }

  void enqueue(caf::mailbox_element_ptr element,
               caf::execution_unit* context) override {
    auto from = from_.lock();
    const auto to = to_.lock();
    if (!from || !to)
      return;
    element->sender = std::move(from);
    to->enqueue(std::move(element), context);
  }

private:
  const caf::weak_actor_ptr from_;
  const caf::weak_actor_ptr to_;
};

#endif

} // namespace

#if !WAYBILL_CAF_1

void detail::tell_weakly_later(caf::actor_system& system,
                               caf::weak_actor_ptr from, caf::weak_actor_ptr to,
                               std::chrono::nanoseconds delay,
                               caf::message what) {
  caf::actor_config config;
  auto& clock = system.clock();
  clock.schedule_message(
    clock.now()
      + std::chrono::duration_cast<caf::actor_clock::duration_type>(delay),
    caf::make_actor<weak_receiver, caf::strong_actor_ptr>(
      system.next_actor_id(), system.node(), &system, config, std::move(from),
      std::move(to)),
    caf::make_mailbox_element(nullptr, caf::make_message_id(), {},
                              std::move(what)));
}

#endif

std::string caf_version() {
  return std::to_string(CAF_MAJOR_VERSION) + "."
         + std::to_string(CAF_MINOR_VERSION) + "."
         + std::to_string(CAF_PATCH_VERSION);
}

std::string render(const caf::error& error) {
#if WAYBILL_CAF_1
  return caf::to_string(error);
#else
  return caf::actor_system_config::render(error);
#endif
}

caf::config_option config_option(const std::string& section,
                                 const std::string& name,
                                 const std::string& meaning, bool is_number) {
  return {section, name, meaning, is_number ? &number_meta : &text_meta};
}

// One that has ended counts for a moment yet: another is there for CAF.
void require_thread() {
  std::jthread one;
  std::jthread another;
  std::promise<void> end; // goes first, and both end
  const auto wait = [ended = end.get_future().share()] { ended.wait(); };
  one = std::jthread{wait};
  another = std::jthread{wait};
}

void stop_polling(caf::actor_system_config& config) {
#if WAYBILL_CAF_1
  config.set("caf.work-stealing.aggressive-poll-attempts", std::size_t{0});
  config.set("caf.work-stealing.moderate-poll-attempts", std::size_t{0});
#else
  config.set("work-stealing.moderate-poll-attempts", std::size_t{0});
#endif
}

} // namespace waybill
