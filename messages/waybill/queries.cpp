#include "waybill/queries.hpp"

#include <algorithm>

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

using namespace detail;

namespace {

constexpr std::array<std::string_view, num_list_orders> order_names{
  "newest_first", "oldest_first"};
constexpr std::array<std::string_view, num_wait_modes> mode_names{"all_of",
                                                                  "any_of"};

template <class T>
fault check_size(const char* name, const std::vector<T>& list,
                 std::size_t max) {
  if (list.size() > max)
    return std::string{name} + ": must have at most " + std::to_string(max)
           + " entries, but has " + std::to_string(list.size());
  return std::nullopt;
}

template <class Check, class T>
fault check_each(const char* name, const std::vector<T>& list, std::size_t max,
                 Check&& check) {
  return first_fault([&] { return check_size(name, list, max); },
                     [&] { return first_fault_in(name, list, check); });
}

fault check_kinds(const std::vector<std::string>& kinds) {
  return check_each("kinds", kinds, limits::max_filter_kinds, check_kind);
}

fault check_statuses(const std::vector<tracking_status>& statuses) {
  return check_each("statuses", statuses, limits::max_filter_kinds,
                    check_status);
}

fault check_ids(const std::vector<tracked_operation_id>& ids, std::size_t max) {
  return check_each("ids", ids, max, check_id);
}

fault check_twice(const std::vector<tracked_operation_id>& ids) {
  auto sorted = ids;
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice != sorted.end())
    return "ids: must not name an id twice, but does " + to_string(*twice);
  return std::nullopt;
}

fault check_page_size(std::int32_t size) {
  return check_range("page_size", size, 1, limits::max_page_size);
}

template <class Enum>
fault check_enum(const char* name, Enum value, int count) {
  if (static_cast<int>(value) >= count)
    return std::string{name} + ": must be one of its names, but is "
           + to_string(value);
  return std::nullopt;
}

fault check_filter(const operation_filter& x) {
  return first_fault(
    [&] { return check_statuses(x.statuses); },
    [&] { return check_kinds(x.kinds); }, [&] { return check_descriptions(x); },
    [&] {
      return check_text("target_pattern", x.target_pattern, limits::max_target);
    },
    [&] {
      return x.retry_count_from ? check_range("retry_count_from",
                                              *x.retry_count_from, 0, INT32_MAX)
                                : fault{};
    },
    [&] { return check_time("created_from", x.created_from); },
    [&] { return check_time("created_until", x.created_until); },
    [&] { return check_time("updated_from", x.updated_from); },
    [&] { return check_time("updated_until", x.updated_until); },
    [&] { return check_time("or_updated_after", x.or_updated_after); },
    [&] { return check_time("terminal_from", x.terminal_from); },
    [&] { return check_time("terminal_until", x.terminal_until); },
    [&] {
      return check_text("error_contains", x.error_contains,
                        limits::max_error_part);
    },
    [&] {
      return check_text("target_shape", x.target_shape, limits::max_error_part);
    },
    [&] {
      return check_text("error_shape", x.error_shape, limits::max_error_part);
    },
    [&] { return check_http_status(x.http_status); },
    [&] {
      return x.http_class ? check_range("http_class", *x.http_class, 1, 5)
                          : fault{};
    },
    [&] {
      return x.number_until
               ? check_range("number_until", *x.number_until, 0, INT64_MAX)
               : fault{};
    });
}

fault check_snapshot(const tracking_status_snapshot& x) {
  return first_fault(
    [&] { return check_id("id", x.id); },
    [&] { return check_kind("kind", x.kind); },
    [&] { return check_descriptions(x); },
    [&] { return check_status("status", x.status); },
    [&] { return check_retry_count(x.retry_count); },
    [&] {
      return check_text("last_error", x.last_error, limits::max_last_error);
    },
    [&] { return check_http_status(x.http_status); },
    [&] { return check_time("created_at", x.created_at); },
    [&] { return check_time("updated_at", x.updated_at); },
    [&]() -> fault {
      if (x.updated_at < x.created_at)
        return "updated_at: must not be before created_at, but is "
               + to_string(x.updated_at);
      return std::nullopt;
    },
    [&]() -> fault {
      const auto wanted = is_terminal(x.status) ? std::optional{x.updated_at}
                                                : std::nullopt;
      if (x.terminal_at != wanted)
        return "terminal_at: must be " + (wanted ? to_string(*wanted) : "null")
               + " in the status " + to_string(x.status);
      return std::nullopt;
    });
}

fault check_transition(const transition& x,
                       const tracking_status_snapshot& owner) {
  return first_fault(
    [&]() -> fault {
      if (x.id != owner.id)
        return "id: must be the operation's, but is " + to_string(x.id);
      return std::nullopt;
    },
    [&] { return check_status("status", x.status); },
    [&] { return check_retry_count(x.retry_count); },
    [&] {
      return check_text("last_error", x.last_error, limits::max_last_error);
    },
    [&] { return check_http_status(x.http_status); },
    [&] { return check_time("at", x.at); });
}

} // namespace

std::string to_string(list_order x) {
  return detail::enum_name<0>(order_names, x);
}

std::optional<list_order> parse_list_order(std::string_view text) noexcept {
  return detail::enum_value<0, list_order>(order_names, text);
}

std::string to_string(wait_mode x) {
  return detail::enum_name<0>(mode_names, x);
}

std::optional<wait_mode> parse_wait_mode(std::string_view text) noexcept {
  return detail::enum_value<0, wait_mode>(mode_names, text);
}

list_operations stuck_operations(timestamp now, std::chrono::microseconds age) {
  list_operations x;
  x.filter.statuses = {tracking_status::submitted, tracking_status::retrying};
  x.filter.updated_until = now - age;
  x.filter.or_updated_after = now + age;
  x.order = list_order::oldest_first;
  return x;
}

fault find_fault(const list_operations& x) {
  return first_fault(
    [&] { return check_filter(x.filter); },
    [&] { return check_enum("order", x.order, num_list_orders); },
    [&] { return check_text("cursor", x.cursor, limits::max_cursor); },
    [&] { return check_page_size(x.page_size); },
    [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const get_history& x) {
  return check_question(x);
}

fault find_fault(const watch_transitions& x) {
  return first_fault(
    [&] { return check_text("after", x.after, limits::max_cursor); },
    [&] { return check_ids(x.ids, limits::max_watched); },
    [&] { return check_kinds(x.kinds); },
    [&] { return check_statuses(x.statuses); },
    [&] { return check_page_size(x.page_size); },
    [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const await_terminal& x) {
  return first_fault(
    [&]() -> fault {
      return x.ids.empty() ? fault{"ids: must not be empty"} : std::nullopt;
    },
    [&] { return check_ids(x.ids, limits::max_awaited); },
    [&] { return check_twice(x.ids); },
    [&] { return check_enum("mode", x.mode, num_wait_modes); },
    [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const operation_record& x) {
  if (const auto found = check_snapshot(x.snapshot))
    return "snapshot." + *found;
  return first_fault_in("transitions", x.transitions,
                        [&](const char* name, const transition& each) -> fault {
                          if (const auto found = check_transition(each,
                                                                  x.snapshot))
                            return std::string{name} + "." + *found;
                          return std::nullopt;
                        });
}

} // namespace waybill
