#include "waybill/protocol.hpp"

#include <algorithm>
#include <initializer_list>

#include "waybill/internal_protocol.hpp"
#include "waybill/options.hpp"

namespace waybill {

namespace {

bool is_one_of(const caf::error& error, std::initializer_list<caf::sec> codes) {
  return std::any_of(codes.begin(), codes.end(),
                     [&](caf::sec code) { return error == code; });
}

} // namespace

caf::error to_error(errc code, const std::string& text) {
  return caf::make_error(code, text);
}

failure to_failure(const caf::error& error) {
  // An actor that quits without a reason; CAF 0.17 must not be asked for more.
  if (!error)
    return {errc::outcome_unknown, "no reason given"};
  if (has_code_of<errc>(error)) {
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
  return {errc::outcome_unknown, "CAF error " + render(error)};
}

caf::error to_end_reason(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return to_error(errc::outcome_unknown, e.what());
  } catch (...) {
    return to_error(errc::outcome_unknown, "an exception of no known type");
  }
}

void register_types(caf::actor_system_config& config) {
  register_block<caf::id_block::waybill>(config);
  register_block<caf::id_block::waybill_internal>(config);
  register_error_codes<errc>(config);
}

void wake_workers_at_once(caf::actor_system_config& config) {
  stop_polling(config);
}

actor_config::actor_config() {
  register_types(*this);
  wake_workers_at_once(*this);
  add_options(custom_options_);
}

bool types_registered() {
  return is_registered<drained>();
}

} // namespace waybill
