// `waybill serve`: the dashboard in a browser, and JSON over HTTP.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "waybill/http_server.hpp"

namespace waybill::cli {

struct serve_options {
  std::optional<std::string> file;
  dashboard::listen_address listen;
  std::optional<std::string> token_file;
  std::vector<std::string> host_names;
  bool metrics_only = false;
  bool actions = false;
  bool open = false;
};

command setup_serve(CLI::App& parent);

/// Ends when a signal comes.
exit_code run_serve(context& c, const serve_options& x);

/// The token in a file: its first line.
/// @throws usage_error if it is short, or if everybody may read it.
std::string read_token(const std::string& file);

} // namespace waybill::cli
