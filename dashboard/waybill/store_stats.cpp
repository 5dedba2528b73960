#include "waybill/store_stats.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string_view>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"

namespace waybill::dashboard {

namespace {

using counts_by_status = std::array<std::int64_t, num_tracking_statuses>;

nlohmann::ordered_json optional_time(const std::optional<timestamp>& t) {
  return t ? nlohmann::ordered_json(to_string(*t))
           : nlohmann::ordered_json(nullptr);
}

void begin_family(std::string& text, std::string_view name,
                  std::string_view help) {
  text.append("# HELP ").append(name).append(" ").append(help);
  text.append("\n# TYPE ").append(name).append(" gauge\n");
}

void add_gauge(std::string& text, std::string_view name, std::string_view help,
               const std::string& value) {
  begin_family(text, name, help);
  text.append(name).append(" ").append(value).append("\n");
}

// Seconds since 1970 with all digits: a double has too few.
std::string seconds_text(timestamp t) {
  constexpr std::int64_t second = 1'000'000;
  auto seconds = t.us() / second;
  auto rest = t.us() % second;
  const auto* const sign = t.us() < 0 ? "-" : "";
  seconds = seconds < 0 ? -seconds : seconds;
  rest = rest < 0 ? -rest : rest;
  // With a 1 in front the fraction keeps its zeros.
  return sign + std::to_string(seconds) + '.'
         + std::to_string(second + rest).substr(1);
}

void add_operations(std::string& text, const counts_reply& counts) {
  // Also those that are 0: a series that comes and goes is hard to add up.
  std::map<std::string, counts_by_status> kinds;
  for (const auto& each : counts.counts)
    kinds[each.kind].at(static_cast<std::size_t>(each.status))
      += each.operations;
  if (kinds.empty())
    return;
  begin_family(text, "waybill_kind_operations", "Operations in the store.");
  for (const auto& [kind, by_status] : kinds)
    for (std::size_t i = 0; i < by_status.size(); ++i)
      text += "waybill_kind_operations{kind=\"" + escape_label_value(kind)
              + "\",status=\"" + to_string(static_cast<tracking_status>(i))
              + "\"} " + std::to_string(by_status[i]) + '\n';
}

} // namespace

target_totals totals_of(const targets_reply& x) {
  target_totals all;
  for (const auto& each : x.targets) {
    all.paused += each.paused_since ? 1 : 0;
    all.told.push_back({.name = each.name,
                        .ready = each.due,
                        .scheduled = each.scheduled,
                        .begun = each.begun,
                        .bytes = each.bytes,
                        .kept_calls = each.kept_calls,
                        .kept_bytes = each.kept_bytes,
                        .paused_since = each.paused_since});
  }
  std::ranges::stable_sort(all.told, std::ranges::greater{},
                           [](const target_total& each) {
                             return each.ready + each.scheduled + each.begun
                                    + each.kept_calls;
                           });
  const auto most = std::min(all.told.size(), limits::max_told_targets);
  all.others = std::ssize(all.told) - static_cast<std::int64_t>(most);
  all.told.resize(most);
  return all;
}

nlohmann::ordered_json stats_json(const store_size& size,
                                  const counts_reply& counts,
                                  const target_totals& targets,
                                  const tombstone_sums& purged) {
  nlohmann::ordered_json object{{"file_bytes", size.file_bytes},
                                {"free_bytes", size.free_bytes},
                                {"wal_bytes", size.log_bytes}};
  counts_by_status sum{};
  for (const auto& each : counts.counts)
    sum.at(static_cast<std::size_t>(each.status)) += each.operations;
  auto& operations = object["operations"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < sum.size(); ++i)
    operations[to_string(static_cast<tracking_status>(i))] = sum[i];
  object["oldest_in_flight"] = optional_time(counts.oldest_in_flight);
  object["oldest_parked"] = optional_time(counts.oldest_parked);
  auto& list = object["targets"] = nlohmann::ordered_json::array();
  for (const auto& each : targets.told)
    list.push_back(nlohmann::ordered_json(to_json(each)));
  object["other_targets"] = targets.others;
  object["paused_targets"] = targets.paused;
  object["tombstones"] = purged.rows;
  object["remembered_since"] = optional_time(purged.remembered_since);
  return object;
}

std::string render_prometheus(const store_size& size,
                              const counts_reply& counts,
                              const targets_reply& targets,
                              const tombstone_sums& purged) {
  std::string text;
  add_gauge(text, "waybill_file_bytes", "Size of the database file.",
            std::to_string(size.file_bytes));
  add_gauge(text, "waybill_file_free_bytes",
            "Unused part of the database file.",
            std::to_string(size.free_bytes));
  add_gauge(text, "waybill_wal_bytes", "Size of the write-ahead log.",
            std::to_string(size.log_bytes));
  add_operations(text, counts);
  if (counts.oldest_in_flight)
    add_gauge(text, "waybill_oldest_in_flight_timestamp_seconds",
              "When the oldest operation in flight was recorded, since 1970.",
              seconds_text(*counts.oldest_in_flight));
  if (counts.oldest_parked)
    add_gauge(text, "waybill_oldest_parked_timestamp_seconds",
              "When the operation parked for longest was parked, since 1970.",
              seconds_text(*counts.oldest_parked));
  const auto totals = totals_of(targets);
  return text + to_prometheus(totals.told, totals.others, totals.paused)
         + to_prometheus(purged.rows, purged.remembered_since);
}

} // namespace waybill::dashboard
