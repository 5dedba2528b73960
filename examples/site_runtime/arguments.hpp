// What the command line says.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "exit_code.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace site_runtime {

/// How the program ends; `--help` explains them.
enum class exit_code : int {
  finished = 0,
  not_found = 1,
  wrong_usage = 2,
  store_failed = 3,
  output_failed = 4,
  interrupted = 130,
};

struct arguments {
  /// A path, or `-` for standard input.
  std::string input;
  /// Reads no input: goes on with the calls that the database keeps.
  bool resume = false;
  std::string database = "site_runtime.db";
  /// Where to send external calls; none for an endpoint of our own.
  std::optional<std::string> endpoint;
  std::uint64_t seed = 1;
  /// Calls read per second; 0 for as fast as they can be recorded.
  std::int64_t rate = 0;
  std::int64_t concurrency = 8;
  std::int64_t max_calls = 1'000;
  std::int64_t max_attempts = 6;
  /// External attempts a second; 0 for no limit.
  std::int64_t max_rate = 0;
  /// The share of failed external attempts, in percent, at which the server is
  /// left alone for a while; 0 for never. If none: 50, but 0 for an endpoint of
  /// our own, which fails call by call and not as a whole.
  std::optional<std::int64_t> breaker_percent;
  std::chrono::milliseconds first_delay{250};
  std::chrono::milliseconds max_delay{2'000};
  std::chrono::milliseconds timeout{2'000};
  std::chrono::milliseconds latency{20};

  /// Asks for this operation instead of running.
  std::optional<waybill::tracked_operation_id> status;
  bool json = false;
  bool help = false;
};

using waybill::cli::usage_error;

/// @throws usage_error
arguments parse_arguments(int argc, const char* const* argv);

/// What `--help` prints.
std::string help_text();

/// The file that `Database.CachedWrite` calls write to, beside the database:
/// `site_runtime-remote.db` for `site_runtime.db`.
std::string remote_database_file(const std::string& database);

} // namespace site_runtime
