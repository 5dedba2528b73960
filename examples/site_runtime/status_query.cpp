#include "site_runtime/status_query.hpp"

#include <unistd.h>

#include <iostream>

#include <nlohmann/json.hpp>

#include "site_runtime/output.hpp"
#include "site_runtime/report.hpp"
#include "waybill/json.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

waybill::status_reply look_up(const arguments& x) {
  waybill::store_reader store{x.database};
  return store.get_status({.id = *x.status, .deadline = std::nullopt});
}

std::string to_json_text(const waybill::store_error& e) {
  const nlohmann::ordered_json error{
    {"error", {{"code", to_string(e.code())}, {"message", e.what()}}}};
  return error.dump(-1, ' ', false,
                    nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace

exit_code show_status(const arguments& x) {
  auto result = exit_code::finished;
  std::string text;
  try {
    const auto reply = look_up(x);
    if (!reply.snapshot) {
      result = exit_code::not_found;
      std::cerr << "site_runtime: " << to_string(*x.status);
      if (reply.purged)
        std::cerr << " has finished as " << to_string(reply.purged->status)
                  << " and was purged from ";
      else
        std::cerr << " was never recorded in ";
      std::cerr << waybill::escape(x.database) << '\n';
    }
    if (x.json)
      text = waybill::to_json_text(reply) + '\n';
    else if (reply.snapshot)
      text = render_snapshot(*reply.snapshot, terminal::of(STDOUT_FILENO));
  } catch (const waybill::store_error& e) {
    result = exit_code::store_failed;
    if (x.json)
      text = to_json_text(e) + '\n';
    std::cerr << "site_runtime: " << waybill::escape(e.what()) << '\n';
  }
  return write_all(STDOUT_FILENO, text) == 0 ? result
                                             : exit_code::output_failed;
}

} // namespace site_runtime
