#include "waybill/watch_query.hpp"

#include <algorithm>
#include <charconv>

#include "waybill/duration_text.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/list_query.hpp"
#include "waybill/text.hpp"
#include "waybill/whole_number.hpp"

namespace waybill::dashboard {

namespace {

// Proxies give up on who says nothing for a minute.
constexpr std::chrono::seconds usual_wait{20};
constexpr std::chrono::seconds longest_wait{50};

[[noreturn]] void refuse_watch(const std::string& name,
                               const std::string& expected) {
  throw query_error{name + " must be " + expected};
}

tracked_operation_id read_watched_id(const std::string& text) {
  const auto id = tracked_operation_id::parse(text);
  if (!id || id->is_nil())
    refuse_watch("id", "an id like 01932c07-f2a1-7000-8000-0123456789ab");
  return *id;
}

void read_wait(const std::string& text, watch_query& to) {
  const auto wait = parse_duration(text);
  if (!wait || *wait < std::chrono::seconds{0} || *wait > longest_wait)
    refuse_watch("wait", "a duration of 50s at most");
  to.wait = *wait;
}

void read_watch_limit(const std::string& text, watch_query& to) {
  const auto size = whole_number<std::int32_t>(text);
  if (!size || *size < 1 || *size > limits::max_page_size)
    refuse_watch("limit", "a whole number from 1 to "
                            + std::to_string(limits::max_page_size));
  to.request.page_size = *size;
}

} // namespace

std::int64_t number_in(std::string_view cursor) {
  cursor.remove_prefix(cursor.rfind('-') + 1); // none: it is all of it
  std::int64_t number = 0;
  std::from_chars(cursor.data(), cursor.data() + cursor.size(), number);
  return number;
}

watch_query parse_watch_query(const parameters& query, watch_use use) {
  watch_query x;
  x.wait = usual_wait;
  for (const auto& [name, value] : query) {
    if (value.empty())
      continue; // a field of a form that was left empty
    if (name == "status")
      x.statuses.push_back(value);
    else if (name == "kind")
      x.request.kinds.push_back(value);
    else if (use == watch_use::api && name == "after")
      x.request.after = value;
    else if (use == watch_use::api && name == "id")
      x.request.ids.push_back(read_watched_id(value));
    else if (use == watch_use::api && name == "limit")
      read_watch_limit(value, x);
    else if (use == watch_use::api && name == "wait")
      read_wait(value, x);
    else
      throw query_error{"there is no parameter \""
                        + escape(truncate_utf8(sanitize_utf8(name), 60)) + '"'};
  }
  try {
    x.request.statuses = parse_statuses(x.statuses);
  } catch (const filter_error& e) {
    refuse_watch(e.name(), e.expected());
  }
  if (const auto fault = find_fault(x.request))
    throw query_error{escape(*fault)};
  return x;
}

} // namespace waybill::dashboard
