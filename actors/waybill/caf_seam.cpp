#include "waybill/caf_seam.hpp"

#include <charconv>
#include <future>
#include <string_view>
#include <thread>

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

#endif

} // namespace

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
