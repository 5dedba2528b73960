// A strict reader of Prometheus' text exposition format.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "waybill/text.hpp"

namespace waybill::test {

struct sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct family {
  std::string name;
  std::string type;
  std::vector<sample> samples;
};

// Names the rule that a text breaks.
struct bad_exposition : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void must(bool holds, const std::string& rule) {
  if (!holds)
    throw bad_exposition{rule};
}

inline bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

inline bool is_label_name(std::string_view text) {
  return !text.empty() && is_letter(text.front())
         && std::ranges::all_of(text, [](char c) {
              return is_letter(c) || (c >= '0' && c <= '9');
            });
}

// A metric's name may have colons besides.
inline bool is_name(std::string_view text) {
  std::string without{text};
  std::ranges::replace(without, ':', '_');
  return is_label_name(without);
}

inline bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected))
    return false;
  text.remove_prefix(expected.size());
  return true;
}

inline std::string take_until(std::string_view& text, std::string_view stops) {
  const std::string taken{text.substr(0, text.find_first_of(stops))};
  text.remove_prefix(taken.size());
  return taken;
}

inline double number(std::string_view text) {
  if (text == "+Inf")
    return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  must(result.ec == std::errc{} && result.ptr == end && std::isfinite(value),
       "a value is a number");
  return value;
}

inline std::string take_label_value(std::string_view& text) {
  must(take(text, "\""), "a label's value is in quotes");
  std::string value;
  while (!take(text, "\"")) {
    if (take(text, "\\\\")) {
      value += '\\';
    } else if (take(text, "\\\"")) {
      value += '"';
    } else if (take(text, "\\n")) {
      value += '\n';
    } else {
      must(!text.empty(), "a label's value is in quotes");
      must(text.front() != '\\', "only three characters are escaped");
      value += text.front();
      text.remove_prefix(1);
    }
  }
  must(is_valid_utf8(value), "a label's value is UTF-8");
  return value;
}

// Reads `name{label="value",…} value`; no time may follow.
inline sample take_sample(std::string_view line) {
  sample result;
  result.name = take_until(line, "{ ");
  must(is_name(result.name), "a name has letters, digits, _ and :");
  if (take(line, "{")) {
    do {
      const auto label = take_until(line, "=");
      must(is_label_name(label), "a label's name has letters, digits and _");
      must(take(line, "="), "a label has a value");
      must(result.labels.emplace(label, take_label_value(line)).second,
           "a sample has a label once");
    } while (take(line, ","));
    must(take(line, "}"), "labels are in braces");
  }
  must(take(line, " "), "a space is before the value");
  result.value = number(line);
  return result;
}

inline bool ends_with_any(std::string_view name,
                          std::initializer_list<std::string_view> suffixes) {
  return std::ranges::any_of(suffixes, [&](auto suffix) {
    return name.ends_with(suffix);
  });
}

// Buckets by bound, then the sum, then the count; no labels but the bounds.
inline void check_histogram(const family& x) {
  must(x.samples.size() >= 3, "a histogram has buckets, a sum and a count");
  auto last_bound = -std::numeric_limits<double>::infinity();
  double last_count = 0;
  for (std::size_t i = 0; i + 2 < x.samples.size(); ++i) {
    const auto& bucket = x.samples[i];
    must(bucket.name == x.name + "_bucket", "buckets come first");
    must(bucket.labels.size() == 1 && bucket.labels.contains("le"),
         "a bucket has a bound and no other label");
    const auto bound = number(bucket.labels.at("le"));
    must(bound > last_bound, "bounds increase");
    must(bucket.value >= last_count, "buckets are cumulative");
    last_bound = bound;
    last_count = bucket.value;
  }
  const auto& sum = x.samples[x.samples.size() - 2];
  const auto& count = x.samples.back();
  must(std::isinf(last_bound), "the last bucket is +Inf");
  must(sum.name == x.name + "_sum" && sum.labels.empty(), "a sum follows");
  must(count.name == x.name + "_count" && count.labels.empty(),
       "a count follows");
  must(count.value == last_count, "the last bucket has the count");
}

inline void check_family(const family& x) {
  must(!x.samples.empty(), "a family has samples");
  std::set<std::pair<std::string, std::map<std::string, std::string>>> series;
  for (const auto& each : x.samples)
    must(series.emplace(each.name, each.labels).second, "a series comes once");
  if (x.type == "histogram") {
    must(!ends_with_any(x.name, {"_total"}), "only counters end in _total");
    check_histogram(x);
    return;
  }
  for (const auto& each : x.samples) {
    must(each.name == x.name, "samples are below their family");
    must(!each.labels.contains("le"), "only buckets have bounds");
    must(std::isfinite(each.value), "a value is finite");
    must(x.type != "counter" || each.value >= 0, "counters are not negative");
  }
  if (x.type == "counter")
    must(x.name.ends_with("_total"), "counters end in _total");
  else
    must(!ends_with_any(x.name, {"_total", "_bucket", "_sum", "_count"}),
         "gauges have no other type's suffix");
}

// Stricter than Prometheus: each family comes once, HELP before TYPE before
// its samples, and nothing else does.
inline std::vector<family> parse_exposition(std::string_view text) {
  must(text.ends_with('\n'), "the text ends with a newline");
  std::vector<family> families;
  std::set<std::string> names;
  std::string helped;
  while (!text.empty()) {
    const auto whole = take_until(text, "\n");
    take(text, "\n");
    std::string_view line = whole;
    if (take(line, "# HELP ")) {
      must(helped.empty(), "TYPE follows HELP");
      helped = take_until(line, " ");
      must(is_name(helped), "a name has letters, digits, _ and :");
      must(names.insert(helped).second, "a family comes once");
      must(take(line, " ") && !line.empty(), "HELP has a text");
      must(line.find('\\') == line.npos, "these texts need no escapes");
    } else if (take(line, "# TYPE ")) {
      must(!helped.empty() && take_until(line, " ") == helped,
           "HELP is before TYPE");
      must(take(line, " ")
             && (line == "counter" || line == "gauge" || line == "histogram"),
           "a type is one of three");
      families.push_back({helped, std::string{line}, {}});
      helped.clear();
    } else {
      must(!families.empty() && helped.empty(),
           "HELP and TYPE are before samples");
      families.back().samples.push_back(take_sample(line));
    }
  }
  must(helped.empty(), "TYPE follows HELP");
  for (const auto& each : families)
    check_family(each);
  return families;
}

// The rule that the text breaks; none if it is sound.
inline std::string broken_rule(std::string_view text) {
  try {
    static_cast<void>(parse_exposition(text));
  } catch (const bad_exposition& e) {
    return e.what();
  }
  return "(none)";
}

// The only sample of that name, or the one whose only label has that value.
inline double value_of(const std::vector<family>& families,
                       std::string_view name,
                       std::string_view label_value = "") {
  for (const auto& each : families)
    for (const auto& [sample_name, labels, value] : each.samples)
      if (sample_name == name
          && (labels.empty() ? label_value.empty()
                             : labels.begin()->second == label_value))
        return value;
  FAIL("no sample " << name << " " << label_value);
  return 0;
}

} // namespace waybill::test
