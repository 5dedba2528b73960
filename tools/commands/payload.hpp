// `waybill payload`: what a call sends, as far as it is kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "input/id_argument.hpp"
#include "waybill/call_queries.hpp"

namespace waybill::cli {

struct payload_options {
  std::vector<id_argument> ids; // one
  bool raw = false;
  std::optional<std::string> output;
  bool force = false;
};

command setup_payload(CLI::App& parent);

exit_code run_payload(context& c, const payload_options& x);

/// `{"id": …, "outcome": …, "codec": …, "encoding": "utf-8" or "base64",
/// "payload": …}`; the last two are null if there is no payload.
std::string payload_json(const tracked_operation_id& id,
                         const payload_reply& reply);

} // namespace waybill::cli
