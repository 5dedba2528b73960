// Clients that push a tracker: actors with a window of requests each.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "waybill/service.hpp"
#include "workload.hpp"

namespace waybill::bench {

/// What a client does again and again; each step waits for the answer of the
/// one before.
enum class mix : std::uint8_t {
  /// Enqueue a new operation.
  enqueue,
  /// Enqueue, attempt, terminal of a new operation.
  lifecycle,
  /// Ask about an operation of `load::ids`.
  status,
};

struct load {
  mix what = mix::enqueue;
  std::size_t clients = 64;
  /// How many of its operations a client has under way.
  std::size_t window = 16;
  /// For all clients together.
  std::int64_t operations = 10'000;
  id_kind ids_made = id_kind::v7;
  std::uint64_t seed = 1;
  /// For `mix::status`.
  const std::vector<tracked_operation_id>* ids = nullptr;
  /// Ends the load early.
  const std::atomic<bool>* stop = nullptr;
  /// Counts finished operations while the load runs.
  std::atomic<std::int64_t>* finished = nullptr;
  /// Keeps how long each request took.
  bool latencies = false;
  /// False: one message for each request, without the library's client.
  bool bundled = true;
};

struct load_result {
  double seconds = 0;
  std::int64_t operations = 0;
  /// Requests that were not done, or questions that found nothing.
  std::int64_t failed = 0;
  std::string first_failure;
  /// Requests in a transaction, on average.
  double mean_batch = 0;
  /// µs, of enqueue, attempt, terminal and get_status.
  std::vector<double> latencies[4];

  [[nodiscard]] double rate() const {
    return static_cast<double>(operations) / seconds;
  }
};

/// Runs the load and waits for its end.
/// @throws std::runtime_error if a request failed.
load_result run_load(caf::actor_system& system, const tracking_actor& tracker,
                     const load& x);

/// A tracker on a file, with its actor system.
class running_tracker {
public:
  /// Keeps no history unless told to: plain SQLite loops keep none.
  explicit running_tracker(const std::string& file,
                           durability synchronous = durability::full,
                           std::int64_t history = 0,
                           duplicate_scope duplicates_of
                           = duplicate_scope::calls,
                           on_off operator_socket = on_off::on);

  load_result run(const load& x) {
    return run_load(system, service_.tracker(), x);
  }

  /// Starts a store-and-forward actor, which ends with this.
  store_and_forward_actor forward(const forward_options& x,
                                  deliver_function deliver) {
    return service_.spawn_store_and_forward(x, std::move(deliver));
  }

  [[nodiscard]] const tracking_actor& tracker() const noexcept {
    return service_.tracker();
  }

private:
  static options options_for(const std::string& file, durability synchronous,
                             std::int64_t history,
                             duplicate_scope duplicates_of,
                             on_off operator_socket);

  actor_config config_;

public:
  caf::actor_system system{config_};

private:
  service service_;
};

} // namespace waybill::bench
