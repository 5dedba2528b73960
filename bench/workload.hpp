// The operations that are recorded: what a site runtime's would look like.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "waybill/forward_messages.hpp"
#include "waybill/messages.hpp"

namespace waybill::bench {

/// Time-ordered ids, as `generate()` makes them, or random ones.
enum class id_kind : std::uint8_t { v7, v4 };

/// A sequence of ids that are all new.
class id_source {
public:
  id_source(id_kind kind, std::uint64_t seed) : kind_{kind}, random_{seed} {}

  tracked_operation_id operator()() {
    if (kind_ == id_kind::v7)
      return tracked_operation_id::generate();
    return {(random_() & ~std::uint64_t{0xF000}) | 0x4000U,
            (random_() & ~(std::uint64_t{3} << 62U))
              | (std::uint64_t{1} << 63U)};
  }

private:
  id_kind kind_;
  std::mt19937_64 random_;
};

// Five texts in each row, of low cardinality as in practice.
inline constexpr std::uint64_t num_kinds = 4;
inline constexpr std::uint64_t num_targets = 50;
inline constexpr std::uint64_t num_instances = 100;
inline constexpr std::uint64_t num_scripts = 20;
inline constexpr std::uint64_t num_nodes = 4;

// Made once: making texts is not what is measured.
template <std::uint64_t Count>
struct text_list {
  explicit text_list(const std::string& prefix) {
    for (std::uint64_t n = 0; n < Count; ++n)
      texts[n] = prefix + std::to_string(n);
  }
  const std::string& operator()(std::uint64_t n) const noexcept {
    return texts[n % Count];
  }
  std::array<std::string, Count> texts;
};

inline const text_list<num_kinds> kind_text{"ExternalSystem.Call"};
inline const text_list<num_targets> target_text{"https://plant.example/api/"};
inline const text_list<num_instances> instance_text{"instance-"};
inline const text_list<num_scripts> script_text{"scripts/send-"};
inline const text_list<num_nodes> node_text{"node-"};

inline constexpr const char* attempt_error = "503 Service Unavailable";

inline record_enqueue enqueue_of(tracked_operation_id id, std::uint64_t n) {
  return {.id = id,
          .kind = kind_text(n),
          .target_summary = target_text(n),
          .source_instance_id = instance_text(n),
          .source_script = script_text(n),
          .source_node = node_text(n),
          .deadline = std::nullopt};
}

inline forward_call forward_call_of(tracked_operation_id id, std::uint64_t n,
                                    std::string payload) {
  return {.id = id,
          .kind = kind_text(n),
          .target_summary = target_text(n),
          .source_instance_id = instance_text(n),
          .source_script = script_text(n),
          .source_node = node_text(n),
          .payload = std::move(payload)};
}

inline record_attempt attempt_of(tracked_operation_id id) {
  return {.id = id,
          .status = tracking_status::retrying,
          .retry_count = 1,
          .last_error = attempt_error,
          .http_status = 503,
          .deadline = std::nullopt};
}

inline record_terminal terminal_of(tracked_operation_id id) {
  return {.id = id,
          .status = tracking_status::delivered,
          .last_error = std::nullopt,
          .http_status = 200,
          .deadline = std::nullopt};
}

} // namespace waybill::bench
