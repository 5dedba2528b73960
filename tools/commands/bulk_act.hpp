// What an operator does to many operations, by ids or by a filter: in steps, so
// that others get their turns, and Ctrl-C ends it between two of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/act.hpp"
#include "input/filter.hpp"
#include "input/id_argument.hpp"

namespace waybill::cli {

using id_list = std::vector<tracked_operation_id>;

/// Which operations, and what is said of them.
struct bulk_options {
  /// Or those that the filter lets through.
  std::vector<id_argument> ids;
  filter_arguments filter;
  std::optional<std::string> reason;
  std::optional<std::string> by;
  bool dry_run = false;
};

/// @param reason what it is for.
void add_bulk(CLI::App& app, bulk_options& to, const std::string& reason);

/// What became of one operation.
struct bulk_result {
  enum class sort : std::uint8_t {
    done,
    /// It was so before.
    as_before,
    refused,
  };
  sort what = sort::refused;
  /// What is said of it.
  std::string text;
  std::string json;
  /// What the command ends with, if it was named.
  exit_code code = exit_code::store_error;
  /// Which bound was in the way.
  std::optional<std::string> full = std::nullopt;
};

struct bulk_act {
  const char* verb = nullptr; // `requeue`
  const char* done = nullptr; // `requeued`
  /// Why some of those that a filter has let through are refused.
  const char* refusals = nullptr;
  /// So many a second; 0: as many as there are.
  std::int64_t rate = 0;
  /// Whether one that a filter lets through is meant.
  std::function<bool(const call_reply&)> is_meant;
  /// Does it to up to `limits::max_acted_on`, each told in the same order.
  std::function<std::vector<bulk_result>(const id_list&)> step = {};
};

/// What a filter asks for; none if ids are given.
/// @param may_be whether operations in a status are meant.
/// @param statuses names these.
/// @throws usage_error
std::optional<list_operations>
found_by(const bulk_options& x, const context& c,
         const std::function<bool(tracking_status)>& may_be,
         const std::string& statuses);

/// The act as the audit is told of it.
operator_act act_of(const bulk_options& x);

/// Only counts those that a filter lets through.
exit_code count_bulk(context& c, const bulk_act& act,
                     const list_operations& found);

/// Does it, and says what became of each id, or how many of a filter's.
exit_code do_bulk(context& c, const bulk_act& act, const bulk_options& x,
                  const std::optional<list_operations>& found);

/// The same by the service that runs on the store, or else by who owns the
/// store meanwhile.
/// @param request is asked for with the ids of each step.
/// @param read makes a bulk_result of each of its results.
/// @param own does it to the store.
template <class Request, class Read, class Own>
exit_code do_bulk(context& c, bulk_act act, const bulk_options& x,
                  const std::optional<list_operations>& found, Request request,
                  Read read, Own own) {
  const auto by = [&](auto&& ask) {
    act.step = [&](const id_list& ids) {
      request.ids = ids;
      std::vector<bulk_result> results;
      for (const auto& each : ask(request).results)
        results.push_back(read(each));
      return results;
    };
    return do_bulk(c, act, x, found);
  };
  return by_service_or_owner(
    c,
    [&](service_client& service) {
      return by([&](const Request& some) { return service.ask(some); });
    },
    [&](operation_tracking_store& store) {
      return by([&](const Request& some) {
        store.maintain();
        return own(store, some);
      });
    });
}

} // namespace waybill::cli
