#include "waybill/caf_seam.hpp"

#include <caf/deep_to_string.hpp>

#include "waybill/protocol.hpp"

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
