// What the commands have in common by which operators act: who does it, who
// wants it, and what is wrong with that.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "commands/command.hpp"
#include "waybill/operator_act.hpp"

namespace waybill::cli {

/// Adds `--by`.
void add_by(CLI::App& app, std::optional<std::string>& to);

/// Who that says, or the user who runs this.
std::string operator_name(const std::optional<std::string>& by);

/// An act that is done in one or more steps.
/// @param what its filter; none: what the requests name.
operator_act new_act(const std::optional<std::string>& by,
                     std::optional<std::string> what = std::nullopt);

/// What is wrong with a request, with the names of options instead of those of
/// its fields; ready to be printed.
std::string in_options(const std::string& fault);

/// @throws usage_error if there is something wrong with a request.
template <class Request>
void require_usable(const Request& x) {
  if (const auto fault = find_fault(x))
    throw usage_error{in_options(*fault)};
}

/// @throws usage_error if a reason is longer than what the audit keeps, and a
///         line for a service may be.
void require_short(const std::optional<std::string>& reason);

/// Has something done by the service that runs on the store, or else by who
/// owns the store meanwhile.
/// @param ask gets the service_client&, `own` the operation_tracking_store&;
///        both return the same.
template <class Ask, class Own>
auto by_service_or_owner(context& c, Ask&& ask, Own&& own) {
  if (auto service = c.service())
    return ask(*service);
  auto store = c.take_store();
  auto result = own(store);
  c.close(store);
  return result;
}

} // namespace waybill::cli
