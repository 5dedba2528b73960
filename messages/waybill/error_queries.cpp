#include "waybill/error_queries.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "waybill/enum_names.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_error_groupings> grouping_names{
  "error", "target"};

auto key_of(const error_group& x) {
  return std::tie(x.status, x.kind, x.target, x.error);
}

// Those that are read later finished earlier.
void add_earlier(error_group& x, const error_group& earlier) {
  x.operations += earlier.operations;
  x.first = std::min(x.first, earlier.first);
  x.last = std::max(x.last, earlier.last);
}

} // namespace

std::string to_string(error_grouping x) {
  return detail::enum_name<0>(grouping_names, x);
}

std::optional<error_grouping>
parse_error_grouping(std::string_view text) noexcept {
  return detail::enum_value<0, error_grouping>(grouping_names, text);
}

list_operations to_list(const list_errors& x) {
  list_operations request;
  request.filter = x.filter;
  if (request.filter.statuses.empty())
    request.filter.statuses = {tracking_status::parked,
                               tracking_status::failed};
  request.cursor = x.cursor;
  return request;
}

void finish(errors_reply& x) {
  std::ranges::sort(x.groups, [](const error_group& a, const error_group& b) {
    return std::tie(b.operations, b.last, a.last_id)
           < std::tie(a.operations, a.last, b.last_id);
  });
  while (x.groups.size() > limits::max_error_groups) {
    x.operations -= x.groups.back().operations;
    x.other_operations += x.groups.back().operations;
    x.groups.pop_back();
  }
}

void merge(errors_reply& x, errors_reply&& more) {
  std::map<decltype(key_of(x.groups.front())), error_group*> known;
  for (auto& each : x.groups)
    known.emplace(key_of(each), &each);
  std::vector<error_group> added;
  for (auto& each : more.groups)
    if (const auto found = known.find(key_of(each)); found != known.end())
      add_earlier(*found->second, each);
    else
      added.push_back(std::move(each));
  std::ranges::move(added, std::back_inserter(x.groups));
  x.operations += more.operations;
  x.other_operations += more.other_operations;
  x.searched += more.searched;
  if (more.searched_to)
    x.searched_to = more.searched_to;
  x.next_cursor = std::move(more.next_cursor);
  finish(x);
}

} // namespace waybill
