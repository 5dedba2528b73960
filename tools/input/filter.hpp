// The options that choose operations: of `list` and `export`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "output/times.hpp"
#include "waybill/queries.hpp"

namespace CLI {
class App;
} // namespace CLI

namespace waybill::cli {

/// What the options say, word by word.
struct filter_arguments {
  std::vector<std::string> statuses;
  std::vector<std::string> kinds;
  std::optional<std::string> target;
  std::optional<std::string> instance;
  std::optional<std::string> script;
  std::optional<std::string> node;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::string> updated_since;
  std::optional<std::string> updated_until;
  std::optional<std::string> finished_since;
  std::optional<std::string> finished_until;
  std::optional<std::string> error;
  std::optional<std::string> http;
  std::optional<std::int64_t> min_retries;
};

void add_filter(CLI::App& app, filter_arguments& to);

/// @param now what durations count back from.
/// @throws usage_error naming the option and its value.
operation_filter to_filter(const filter_arguments& x, timestamp now,
                           zone where);

/// What the help says about the values of times.
extern const char* const times_explained;

} // namespace waybill::cli
