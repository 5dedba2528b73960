#include "waybill/caf_seam.hpp"

#include <charconv>

#include <caf/deep_to_string.hpp>

#include "waybill/internal_protocol.hpp"
#include "waybill/options.hpp"

namespace waybill {

namespace {

bool is_ours(const caf::error& error) {
#if WAYBILL_CAF_1
  return error.category() == caf::type_id_v<errc>;
#else
  return error.category() == caf::detail::error_factory<errc>::category;
#endif
}

bool is_one_of(const caf::error& error, std::initializer_list<caf::sec> codes) {
  return std::any_of(codes.begin(), codes.end(),
                     [&](caf::sec code) { return error == code; });
}

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

std::string rendered(const caf::error& error) {
#if WAYBILL_CAF_1
  return caf::to_string(error);
#else
  return caf::actor_system_config::render(error);
#endif
}

} // namespace

std::string caf_version() {
  return std::to_string(CAF_MAJOR_VERSION) + "."
         + std::to_string(CAF_MINOR_VERSION) + "."
         + std::to_string(CAF_PATCH_VERSION);
}

caf::error to_error(errc code, const std::string& text) {
  return caf::make_error(code, text);
}

failure to_failure(const caf::error& error) {
  // An actor that quits without a reason; CAF 0.17 must not be asked for more.
  if (!error)
    return {errc::outcome_unknown, "no reason given"};
  if (is_ours(error)) {
    const auto& context = error.context();
    return {static_cast<errc>(error.code()),
            context.match_elements<std::string>()
              ? context.get_as<std::string>(0)
              : to_string(static_cast<errc>(error.code()))};
  }
  if (is_one_of(error, {caf::sec::request_timeout}))
    return {errc::timed_out, "no answer in time"};
  if (is_one_of(error, {caf::sec::request_receiver_down,
                        caf::sec::remote_lookup_failed,
                        caf::sec::cannot_forward_to_invalid_actor,
                        caf::sec::bad_function_call}))
    return {errc::tracker_gone, "the actor has ended"};
  return {errc::outcome_unknown, "CAF error " + rendered(error)};
}

void register_types(caf::actor_system_config& config) {
  register_block<caf::id_block::waybill>(config);
  register_block<caf::id_block::waybill_internal>(config);
#if !WAYBILL_CAF_1
  config.add_error_category(
    caf::detail::error_factory<errc>::category,
    [](std::uint8_t code, caf::atom_value, const caf::message& context) {
      auto text = to_string(static_cast<errc>(code));
      if (context.match_elements<std::string>())
        text += "(\"" + context.get_as<std::string>(0) + "\")";
      return text;
    });
#endif
}

caf::config_option config_option(const std::string& section,
                                 const std::string& name,
                                 const std::string& meaning, bool is_number) {
  return {section, name, meaning, is_number ? &number_meta : &text_meta};
}

actor_config::actor_config() {
  register_types(*this);
  wake_workers_at_once(*this);
  add_options(custom_options_);
}

void wake_workers_at_once(caf::actor_system_config& config) {
#if WAYBILL_CAF_1
  config.set("caf.work-stealing.aggressive-poll-attempts", std::size_t{0});
  config.set("caf.work-stealing.moderate-poll-attempts", std::size_t{0});
#else
  config.set("work-stealing.moderate-poll-attempts", std::size_t{0});
#endif
}

bool types_registered() {
#if WAYBILL_CAF_1
  return caf::detail::global_meta_object_or_null(caf::type_id_v<drained>)
         != nullptr;
#else
  return true;
#endif
}

} // namespace waybill
