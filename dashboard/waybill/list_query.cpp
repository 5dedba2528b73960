#include "waybill/list_query.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <type_traits>

#include "waybill/text.hpp"
#include "waybill/whole_number.hpp"

namespace waybill::dashboard {

namespace {

[[noreturn]] void refuse_value(const std::string& name,
                               const std::string& expected,
                               const std::string& value) {
  throw query_error{name + " must be " + expected + ", but is \""
                    + escape(truncate_utf8(sanitize_utf8(value), 200)) + '"'};
}

std::int64_t read_number(const std::string& name, const std::string& text,
                         std::int64_t least, std::int64_t most) {
  const auto x = whole_number<std::int64_t>(text);
  if (!x || *x < least || *x > most)
    refuse_value(name,
                 "a whole number from " + std::to_string(least) + " to "
                   + std::to_string(most),
                 text);
  return *x;
}

bool read_switch(const std::string& name, const std::string& text) {
  if (text != "true" && text != "false")
    refuse_value(name, "true or false", text);
  return text == "true";
}

void read_into(const std::string& /*name*/, const std::string& value,
               std::vector<std::string>& to) {
  to.push_back(value);
}

void read_into(const std::string& /*name*/, const std::string& value,
               std::optional<std::string>& to) {
  to = value;
}

void read_into(const std::string& name, const std::string& value,
               std::optional<std::int64_t>& to) {
  to = read_number(name, value, 0, std::numeric_limits<std::int32_t>::max());
}

// Returns false if the filter has no such field.
bool read_filter_field(const std::string& name, const std::string& value,
                       filter_arguments& to) {
  bool known = false;
  for_each_field(to, [&](const char* field_name, auto& member) {
    if (name != field_name)
      return;
    known = true;
    read_into(name, value, member);
  });
  return known;
}

bool read_view_field(const std::string& name, const std::string& value,
                     list_use use, list_query& to) {
  if (use == list_use::filter)
    return false;
  if (name == "cursor") {
    to.after = parse_resume_point(value);
    if (!to.after)
      refuse_value(name, "what a list ended with", value);
  } else if (use == list_use::errors && name == "group-by") {
    const auto by = parse_error_grouping(value);
    if (!by)
      refuse_value(name, "error or target", value);
    to.by = *by;
  } else if (use == list_use::api && name == "limit") {
    to.limit = static_cast<std::int32_t>(
      read_number(name, value, 1, limits::max_page_size));
  } else if (use == list_use::api && name == "oldest-first") {
    to.oldest_first = read_switch(name, value);
  } else if (use == list_use::api && name == "full") {
    to.full = read_switch(name, value);
  } else if (use == list_use::page && name == "back") {
    to.back = read_switch(name, value);
  } else if (use == list_use::page && name == "open") {
    to.open = value;
  } else {
    return false;
  }
  return true;
}

template <class F>
void for_each_value(const filter_arguments& x, F&& f) {
  for_each_field(x, [&](const char* name, const auto& member) {
    using type = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::is_same_v<type, std::vector<std::string>>) {
      for (const auto& each : member)
        f(name, each);
    } else if constexpr (std::is_same_v<type, std::optional<std::int64_t>>) {
      if (member)
        f(name, std::to_string(*member));
    } else {
      if (member)
        f(name, *member);
    }
  });
}

} // namespace

list_query parse_list_query(const parameters& query, list_use use) {
  list_query x;
  std::set<std::string> seen;
  for (const auto& [name, value] : query) {
    if (value.empty() && use != list_use::filter)
      continue; // a field of a form that was left empty
    if (!read_filter_field(name, value, x.filter)
        && !read_view_field(name, value, use, x))
      throw query_error{"there is no parameter \""
                        + escape(truncate_utf8(sanitize_utf8(name), 60)) + '"'};
    if (value.empty())
      throw query_error{name + " must not be empty"};
    if (!seen.insert(name).second && name != "kind" && name != "status")
      throw query_error{name + " must be given once only"};
  }
  return x;
}

list_operations to_request(const list_query& x, timestamp now, zone where) {
  list_operations request;
  try {
    request.filter = to_filter(x.filter, x.after ? x.after->moment : now,
                               where);
  } catch (const filter_error& e) {
    refuse_value(e.name(), e.expected(), e.value());
  }
  request.order = x.oldest_first != x.back ? list_order::oldest_first
                                           : list_order::newest_first;
  if (x.after)
    request.cursor = x.after->cursor;
  request.page_size = x.limit;
  request.full = x.full;
  if (const auto fault = find_fault(request))
    throw query_error{escape(*fault)};
  return request;
}

list_errors to_errors_request(const list_query& x, timestamp now, zone where) {
  const auto request = to_request(x, now, where);
  return {.filter = request.filter, .by = x.by, .cursor = request.cursor};
}

parameters to_parameters(const filter_arguments& x) {
  parameters all;
  for_each_value(x, [&](const char* name, const std::string& value) {
    all.emplace_back(name, value);
  });
  return all;
}

std::string to_options(const filter_arguments& x) {
  std::string text;
  auto rest = x;
  rest.statuses.clear();
  std::string statuses; // in one list
  for (const auto& each : x.statuses)
    statuses += (statuses.empty() ? "" : ",") + each;
  if (!statuses.empty())
    text += " --status " + shell_word(statuses);
  for_each_value(rest, [&](const char* name, const std::string& value) {
    text += std::string{" --"} + name + ' ' + shell_word(value);
  });
  return text;
}

std::string shell_word(const std::string& text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"
                                     "PQRSTUVWXYZ0123456789_-.,:/@%+=";
  if (!text.empty() && text.find_first_not_of(plain) == text.npos)
    return text;
  std::string quoted = "'";
  for (const auto c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + '\'';
}

} // namespace waybill::dashboard
