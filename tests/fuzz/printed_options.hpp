// Options written out again, to compare what two texts say.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/property.hpp"
#include "waybill/options.hpp"
#include "waybill/store_error.hpp"

namespace waybill::fuzz {

/// Name and value of every option; numbers without quotes, texts with.
inline std::vector<std::pair<std::string, std::string>>
printed(const options& x) {
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  const auto window = [&](const retention_window& w) {
    return quoted(w ? to_text(*w) : "forever");
  };
  constexpr std::array<const char*, 3> durabilities{"off", "normal", "full"};
  std::vector<std::pair<std::string, std::string>> all{
    {"synchronous",
     quoted(durabilities.at(static_cast<std::size_t>(x.synchronous)))},
    {"last_error_cap", std::to_string(x.last_error_cap)},
    {"checkpoint_pages", std::to_string(x.checkpoint_pages)},
    {"audit_records", std::to_string(x.audit_records)},
    {"cache_bytes", std::to_string(x.cache_bytes)},
    {"max_batch", std::to_string(x.max_batch)},
    {"max_waiting_requests", std::to_string(x.max_waiting_requests)},
    {"max_waiting_bytes", std::to_string(x.max_waiting_bytes)},
    {"purge_chunk_rows", std::to_string(x.purge_chunk_rows)},
    {"retention_delivered", window(x.retention_delivered)},
    {"retention_parked", window(x.retention_parked)},
    {"retention_failed", window(x.retention_failed)},
    {"retention_discarded", window(x.retention_discarded)},
    {"retention_payloads", window(x.retention_payloads)},
    {"retention_interval", quoted(to_text(x.retention_interval))},
    {"duplicate_window", window(x.duplicate_window)},
    {"duplicate_window_for",
     quoted(x.duplicate_window_for == duplicate_scope::all ? "all" : "calls")},
    {"max_tombstones", std::to_string(x.max_tombstones)},
    {"status_timeout", quoted(to_text(x.status_timeout))},
    {"stop_timeout", quoted(to_text(x.stop_timeout))}};
  return all;
}

/// What `read` gives, unless it refuses, as it should, with `invalid_options`.
template <class F>
std::optional<options> read_options(F&& read) {
  try {
    const auto x = read();
    validate(x);
    return x;
  } catch (const store_error& e) {
    require(e.code() == errc::invalid_options, "another code than it should");
    require_printable(e.what(), "an error");
    return std::nullopt;
  }
}

/// The options mean the same when they are written with `write` and read again.
template <class F>
void require_round_trip(const options& x, F&& write_and_read) {
  const auto again = write_and_read(printed(x));
  require(again.has_value(), "what was written cannot be read");
  require(printed(*again) == printed(x), "the options differ then");
}

} // namespace waybill::fuzz
