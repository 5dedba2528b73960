// `waybill audit`: what operators have done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/operation_list.hpp"

namespace waybill::cli {

struct audit_options {
  std::vector<std::string> verbs;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::int64_t> limit;
  bool all = false;
  std::optional<list_format> format;
};

command setup_audit(CLI::App& parent);

exit_code run_audit(context& c, const audit_options& x);

} // namespace waybill::cli
