// Calls that a store keeps: makers of requests, and what the file has of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/store_fixture.hpp"
#include "waybill/call_store.hpp"

namespace waybill::test {

/// A call with a value in each field that `enqueue(n)` has.
inline forward_call call_of(std::uint64_t n, std::string payload = "payload") {
  const auto x = enqueue(n);
  return {.id = x.id,
          .kind = x.kind,
          .target_summary = x.target_summary,
          .source_instance_id = x.source_instance_id,
          .source_script = x.source_script,
          .source_node = x.source_node,
          .payload = std::move(payload)};
}

inline take_call take_of(std::uint64_t n, std::string payload = "payload") {
  return {.target = "plant",
          .call = call_of(n, std::move(payload)),
          .root = std::nullopt,
          .codec = std::nullopt,
          .deadline = std::nullopt};
}

/// What is reported of the attempt that a head names.
inline begin_call begin_of(const call_head& x) {
  return {x.seq, x.id, x.attempt};
}

inline retry_call retry_of(const call_head& x,
                           std::optional<timestamp> due = std::nullopt) {
  return {x.seq, x.id, x.attempt, due, "503 Service Unavailable", 503};
}

inline end_call end_of(const call_head& x,
                       tracking_status status = tracking_status::delivered) {
  return {x.seq, x.id, x.attempt, status, std::nullopt, 200};
}

/// Like `1: attempt 2, interrupted 1, due 30, expires 60, priority 3, key k, 7
/// bytes`, with times in seconds after t0 and without what is as usual.
inline std::string text_of(const call_head& x) {
  const auto seconds = [](timestamp t) {
    return std::to_string((t - t0).count() / 1'000'000);
  };
  auto text = std::to_string(x.id.low() - id_of(0).low()) + ": attempt "
              + std::to_string(x.attempt);
  if (x.interruptions != 0)
    text += ", interrupted " + std::to_string(x.interruptions);
  if (x.due)
    text += ", due " + seconds(*x.due);
  if (x.expires)
    text += ", expires " + seconds(*x.expires);
  if (x.priority != 1)
    text += ", priority " + std::to_string(x.priority);
  if (x.order_key)
    text += ", key " + *x.order_key;
  return text + ", " + std::to_string(x.bytes) + " bytes";
}

inline std::vector<std::string> texts_of(const std::vector<call_head>& heads) {
  std::vector<std::string> all;
  for (const auto& x : heads)
    all.push_back(text_of(x));
  return all;
}

/// All that is committed of calls, one line a row.
inline std::vector<std::string> calls_in(const std::string& file) {
  auto db = open_reader(file);
  return first_column(
    db, "SELECT 'target ' || name || ' ' || calls || ' ' || bytes || ' ' "
        " || kept_calls || ' ' || kept_bytes FROM target "
        "UNION ALL "
        "SELECT 'call ' || seq || ' ' || target || ' ' || state || ' ' "
        " || attempt || ' ' || interruptions || ' ' || quote(due) || ' ' "
        " || quote(expires) || ' ' || priority || ' ' || quote(order_key) "
        " || ' ' || quote(root) || ' ' || bytes FROM call "
        "UNION ALL "
        "SELECT 'payload ' || seq || ' ' || quote(codec) || ' ' "
        " || quote(bytes) FROM payload ORDER BY 1");
}

/// A store with the target `plant`.
struct call_fixture : store_fixture {
  call_fixture() { open(); }

  target_reply open(const target_bounds& bounds = {}, timestamp now = at(0)) {
    return store.calls().open_target({"plant", bounds, 3, {}}, now);
  }

  call_head take(std::uint64_t n, bool begin = false) {
    auto x = take_of(n);
    x.begin = begin;
    return store.calls().take(x, at(1)).head;
  }

  /// Takes a call and parks it.
  call_head park(std::uint64_t n, timestamp now = at(2)) {
    const auto head = take(n);
    store.calls().end(end_of(head, tracking_status::parked), now);
    return head;
  }

  std::vector<std::string> waiting(timestamp now = at(9)) {
    return texts_of(store.calls().find({"plant"}, now).heads);
  }

  std::vector<std::string> calls() { return calls_in(options.file); }
};

} // namespace waybill::test
