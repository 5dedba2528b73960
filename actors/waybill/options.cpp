#include "waybill/options.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "waybill/config_section.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr auto day = milliseconds{std::chrono::hours{24}};
constexpr auto longest = 3'650 * day;

[[noreturn]] void invalid(const std::string& name, const std::string& reason) {
  throw store_error{errc::invalid_options, name + ": " + reason};
}

// -- the list of options ------------------------------------------------------

struct text_option {
  std::string options::*member;
};

struct durability_option {
  durability options::*member;
};

struct number_option {
  std::int64_t options::*member;
  option_range range;
};

struct duration_option {
  milliseconds options::*member;
  milliseconds min;
  milliseconds max;
};

struct window_option {
  retention_window options::*member;
};

struct option {
  const char* name;
  std::variant<text_option, durability_option, number_option, duration_option,
               window_option>
    how;
  const char* meaning;
};

const std::array all_options{
  option{"file", text_option{&options::file},
         "the database; its folder must exist, on a local file system"},
  option{"synchronous", durability_option{&options::synchronous},
         "what an answer survives: `full` power loss and crashes of the "
         "operating system; `normal` only a killed process (after the others "
         "the file is sound, the last answers may be gone); `off` only a "
         "killed process (after the others the file may be damaged)"},
  option{"last_error_cap",
         number_option{&options::last_error_cap,
                       store_options::last_error_cap_range},
         "longer error texts are shortened"},
  option{"checkpoint_pages",
         number_option{&options::checkpoint_pages,
                       store_options::checkpoint_pages_range},
         "the write-ahead log is copied into the file at this size; a page has "
         "4,096 bytes"},
  option{"history",
         number_option{&options::history, store_options::history_range},
         "how many transitions of an operation are kept at least, and less "
         "than twice as many; 0 keeps none, and nothing can be watched"},
  option{"cache_bytes",
         number_option{&options::cache_bytes, store_options::cache_bytes_range},
         "SQLite's page cache"},
  option{"max_batch",
         number_option{&options::max_batch, {1, 65'536, "requests"}},
         "requests in one transaction at most"},
  option{"max_waiting_requests",
         number_option{&options::max_waiting_requests,
                       {1, 10'000'000, "requests"}},
         "waiting requests; one more is answered `overloaded`"},
  option{"max_waiting_bytes",
         number_option{&options::max_waiting_bytes,
                       {1'024, 17'179'869'184, "bytes"}},
         "their texts; past it the answer is `overloaded`, but one request is "
         "let in whatever its size while no bytes wait"},
  option{"max_waits",
         number_option{&options::max_waits, {1, 1'000'000, "operations"}},
         "operations that are waited for; past it the answer is `overloaded`"},
  option{"max_watches",
         number_option{&options::max_watches, {1, 10'000, "watches"}},
         "open watches; one more is answered `overloaded`"},
  option{"purge_chunk_rows",
         number_option{&options::purge_chunk_rows, {1, 100'000, "rows"}},
         "rows deleted before waiting requests get their turn"},
  option{"retention_delivered", window_option{&options::retention_delivered},
         "how long delivered operations are kept"},
  option{"retention_parked", window_option{&options::retention_parked},
         "how long parked operations are kept"},
  option{"retention_failed", window_option{&options::retention_failed},
         "how long failed operations are kept"},
  option{"retention_discarded", window_option{&options::retention_discarded},
         "how long discarded operations are kept"},
  option{"retention_interval",
         duration_option{&options::retention_interval, milliseconds{100},
                         30 * day},
         "how often finished operations are purged"},
  option{"status_timeout",
         duration_option{&options::status_timeout, milliseconds{1},
                         milliseconds{std::chrono::hours{1}}},
         "how long a status request waits for the tracker"},
  option{"stop_timeout",
         duration_option{&options::stop_timeout, milliseconds{1},
                         milliseconds{std::chrono::hours{1}}},
         "how long `stop()` waits for what is running"},
};

// Sets all four windows; not an option of its own.
constexpr const char* all_windows = "retention";

constexpr std::array<const char*, 3> durability_names{"off", "normal", "full"};

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

// Clang has no deduction for aggregates before version 17.
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

std::string window_range() {
  return "0s to " + to_text(longest) + ", forever";
}

std::string range_of(const option& x) {
  return std::visit(
    overloaded{[](const text_option&) { return std::string{"a path"}; },
               [](const durability_option&) {
                 return std::string{"off, normal, full"};
               },
               [](const number_option& o) { return to_text(o.range); },
               [](const duration_option& o) {
                 return to_text(o.min) + " to " + to_text(o.max);
               },
               [](const window_option&) { return window_range(); }},
    x.how);
}

std::string text_of(const retention_window& x) {
  return x ? to_text(*x) : "forever";
}

std::string text_of(const option& x, const options& from) {
  return std::visit(
    overloaded{
      [&](const text_option& o) { return from.*o.member; },
      [&](const durability_option& o) {
        const auto index = static_cast<std::size_t>(from.*o.member);
        return index < durability_names.size()
                 ? std::string{durability_names[index]}
                 : std::to_string(index);
      },
      [&](const number_option& o) { return std::to_string(from.*o.member); },
      [&](const duration_option& o) { return to_text(from.*o.member); },
      [&](const window_option& o) { return text_of(from.*o.member); }},
    x.how);
}

bool in_range(const option& x, const options& from) {
  return std::visit(
    overloaded{
      [&](const text_option& o) { return !(from.*o.member).empty(); },
      [&](const durability_option& o) {
        return from.*o.member <= durability::full;
      },
      [&](const number_option& o) { return o.range.holds(from.*o.member); },
      [&](const duration_option& o) {
        return from.*o.member >= o.min && from.*o.member <= o.max;
      },
      [&](const window_option& o) {
        const auto& window = from.*o.member;
        return !window
               || (*window >= milliseconds::zero() && *window <= longest);
      }},
    x.how);
}

void check(const option& x, const options& from) {
  if (in_range(x, from))
    return;
  if (std::holds_alternative<text_option>(x.how))
    invalid(x.name, "must not be empty");
  invalid(x.name, "must be " + range_of(x) + ", but is " + text_of(x, from));
}

// -- reading ------------------------------------------------------------------

// What arrays and objects hold is not shown: writing it out would recurse as
// deep as a hostile text nests them.
std::string shown(const json& value) {
  if (value.is_structured())
    return value.is_array() ? "an array" : "an object";
  return value.dump(-1, ' ', true, json::error_handler_t::replace)
    .substr(0, 100);
}

[[noreturn]] void ill_typed(const std::string& name, const std::string& wanted,
                            const json& value) {
  invalid(name, "must be " + wanted + ", but is " + shown(value));
}

milliseconds read_duration(const std::string& name, const std::string& range,
                           const json& value) {
  if (value.is_string())
    if (const auto parsed = parse_duration(value.get_ref<const std::string&>()))
      return *parsed;
  ill_typed(name,
            "a duration like \"500ms\", \"30s\", \"10min\", \"1h\" or "
            "\"7d\", "
              + range,
            value);
}

retention_window read_window(const std::string& name, const json& value) {
  if (value == "forever")
    return std::nullopt;
  if (value.is_string())
    if (const auto parsed = parse_duration(value.get_ref<const std::string&>()))
      return parsed;
  ill_typed(name, "a duration like \"7d\", " + window_range(), value);
}

void read(const option& x, const json& value, options& to) {
  const std::string name = x.name;
  std::visit(
    overloaded{[&](const text_option& o) {
                 if (!value.is_string())
                   ill_typed(name, "a text", value);
                 to.*o.member = value.get<std::string>();
               },
               [&](const durability_option& o) {
                 for (std::size_t i = 0; i < durability_names.size(); ++i) {
                   if (value == durability_names[i]) {
                     to.*o.member = static_cast<durability>(i);
                     return;
                   }
                 }
                 ill_typed(name, "off, normal or full", value);
               },
               [&](const number_option& o) {
                 if (!value.is_number_integer()
                     || (value.is_number_unsigned()
                         && value.get<std::uint64_t>()
                              > std::numeric_limits<std::int64_t>::max()))
                   ill_typed(name, "a whole number, " + range_of(x), value);
                 to.*o.member = value.get<std::int64_t>();
               },
               [&](const duration_option& o) {
                 to.*o.member = read_duration(name, range_of(x), value);
               },
               [&](const window_option& o) {
                 to.*o.member = read_window(name, value);
               }},
    x.how);
}

options read_all(const json& object) {
  if (!object.is_object())
    invalid("options", "must be a JSON object, but is " + shown(object));
  options x;
  if (const auto at = object.find(all_windows); at != object.end()) {
    const auto window = read_window(all_windows, *at);
    x.retention_delivered = window;
    x.retention_parked = window;
    x.retention_failed = window;
    x.retention_discarded = window;
  }
  for (const auto& [name, value] : object.items()) {
    if (name == all_windows)
      continue;
    const auto* known = std::find_if(all_options.begin(), all_options.end(),
                                     [&, &key = name](const option& each) {
                                       return key == each.name;
                                     });
    if (known == all_options.end())
      invalid(escape(name), "is no option of waybill");
    read(*known, value, x);
  }
  validate(x);
  return x;
}

} // namespace

void print_notice(severity level, const std::string& text) {
  constexpr std::array<const char*, 3> names{"", "warning: ", "error: "};
  std::fprintf(stderr, "waybill: %s%s\n",
               names.at(static_cast<std::size_t>(level)), text.c_str());
}

void notify(const notice_function& notify, severity level,
            const std::string& text) noexcept {
  try {
    if (notify)
      notify(level, text);
  } catch (...) {
    // A notice is for people; work goes on without it.
  }
}

std::vector<option_info> describe_options() {
  const options defaults;
  std::vector<option_info> all;
  all.reserve(all_options.size());
  for (const auto& x : all_options)
    all.push_back({x.name, text_of(x, defaults), range_of(x), x.meaning});
  return all;
}

void validate(const options& x) {
  for (const auto& each : all_options)
    check(each, x);
}

options options_from_json(std::string_view text) {
  try {
    return read_all(parse_json(text));
  } catch (const json_error& e) {
    const auto* const subject = e.field().empty() ? "options: " : "";
    throw store_error{errc::invalid_options, std::string{subject} + e.what()};
  }
}

options options_from_json_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  // Fails for a directory as well, which can be opened.
  if (!in || !(text << in.rdbuf()))
    invalid(escape(path), "cannot be read");
  try {
    return options_from_json(text.str());
  } catch (const store_error& e) {
    throw store_error{e.code(), escape(path) + ": " + e.what()};
  }
}

options options_from_config(const caf::actor_system_config& config) {
  return read_all(config_section(config, "waybill"));
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t value = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9';
       ++digits) {
    if (digits == 15)
      return std::nullopt;
    value = value * 10 + (text[digits] - '0');
  }
  const auto unit = text.substr(digits);
  std::int64_t factor = 0;
  if (unit == "ms")
    factor = 1;
  else if (unit == "s")
    factor = 1'000;
  else if (unit == "min" || unit == "m")
    factor = 60'000;
  else if (unit == "h")
    factor = 3'600'000;
  else if (unit == "d")
    factor = 86'400'000;
  std::int64_t product = 0;
  if (digits == 0 || factor == 0
      || __builtin_mul_overflow(value, factor, &product))
    return std::nullopt;
  return milliseconds{product};
}

std::string to_text(milliseconds duration) {
  struct unit {
    std::int64_t factor;
    const char* name;
  };
  constexpr std::array<unit, 4> units{
    {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}}};
  const std::int64_t value = duration.count();
  for (const auto& x : units)
    if (value != 0 && value % x.factor == 0)
      return std::to_string(value / x.factor) + x.name;
  return value == 0 ? "0s" : std::to_string(value) + "ms";
}

} // namespace waybill
