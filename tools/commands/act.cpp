#include "commands/act.hpp"

#include <unistd.h>

#include <array>
#include <string_view>

#include "input/options.hpp"
#include "waybill/limits.hpp"
#include "waybill/text.hpp"
#include "waybill/unix_socket.hpp"

namespace waybill::cli {

void add_by(CLI::App& app, std::optional<std::string>& to) {
  add_text(app, "--by", to, "NAME", "who wants it (the user's name)");
}

std::string operator_name(const std::optional<std::string>& by) {
  return by ? *by : user_name(::geteuid());
}

operator_act new_act(const std::optional<std::string>& by,
                     std::optional<std::string> what) {
  if (what)
    what = truncate_utf8(*what, limits::max_audit_text);
  return {.id = tracked_operation_id::generate(),
          .who = operator_name(by),
          .what = std::move(what)};
}

void require_short(const std::optional<std::string>& reason) {
  if (reason && reason->size() > limits::max_reason)
    throw usage_error{"--reason: must be at most "
                      + std::to_string(limits::max_reason) + " bytes, but is "
                      + std::to_string(reason->size())};
}

std::string in_options(const std::string& fault) {
  using names = std::pair<std::string_view, const char*>;
  constexpr std::array<names, 5> options{{{"target", "TARGET"},
                                          {"who", "--by"},
                                          {"act.who", "--by"},
                                          {"reason", "--reason"},
                                          {"act.reason", "--reason"}}};
  auto text = escape(fault);
  for (const auto& [field, option] : options)
    if (text.starts_with(std::string{field} + ':'))
      return text.replace(0, field.size(), option);
  return text;
}

} // namespace waybill::cli
