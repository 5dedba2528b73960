// A struct's options as a list, which serves to read them from JSON or from
// CAF's config, to check them and to show them.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "waybill/duration_text.hpp"
#include "waybill/option_info.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_options.hpp"
#include "waybill/text.hpp"

namespace caf {
class config_option_set;
} // namespace caf

namespace waybill {

enum class after_end : std::uint8_t;
enum class after_doubt : std::uint8_t;
enum class on_off : std::uint8_t;

// -- kinds of values ----------------------------------------------------------
//
// Each can say its range, show a value, tell whether one is in range, and read
// one: `read` throws if the JSON value is of another type.

struct text_kind {
  using type = std::string;
  bool (*holds)(const std::string&);
  const char* what;

  [[nodiscard]] std::string range() const { return what; }
  [[nodiscard]] static std::string show(const type& x) { return x; }
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const;
};

/// Names of the values 0, 1, … of an enum.
using choice_names = std::span<const char* const>;

std::string to_text(choice_names x);
std::size_t read_choice(const char* name, choice_names names,
                        const nlohmann::json& x);

template <class Enum>
struct choice_kind {
  using type = Enum;
  choice_names names;

  [[nodiscard]] std::string range() const { return to_text(names); }
  [[nodiscard]] std::string show(type x) const {
    const auto index = static_cast<std::size_t>(x);
    return index < names.size() ? names[index] : std::to_string(index);
  }
  [[nodiscard]] bool holds(type x) const {
    return static_cast<std::size_t>(x) < names.size();
  }
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const {
    return static_cast<type>(read_choice(name, names, x));
  }
};

struct number_kind {
  using type = std::int64_t;
  option_range limits;

  [[nodiscard]] std::string range() const { return to_text(limits); }
  [[nodiscard]] std::string show(type x) const { return std::to_string(x); }
  [[nodiscard]] bool holds(type x) const { return limits.holds(x); }
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const;
};

struct real_kind {
  using type = double;
  double min;
  double max;

  [[nodiscard]] std::string range() const;
  [[nodiscard]] std::string show(type x) const;
  // Written so that it refuses NaN.
  [[nodiscard]] bool holds(type x) const { return x >= min && x <= max; }
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const;
};

/// Any number, or none.
struct seed_kind {
  using type = std::optional<std::uint64_t>;

  [[nodiscard]] std::string range() const;
  [[nodiscard]] std::string show(const type& x) const;
  [[nodiscard]] bool holds(const type&) const { return true; }
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const;
};

struct duration_kind {
  using type = std::chrono::milliseconds;
  type min;
  type max;

  [[nodiscard]] std::string range() const;
  [[nodiscard]] std::string show(type x) const { return to_text(x); }
  [[nodiscard]] bool holds(type x) const { return x >= min && x <= max; }
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const;
};

struct window_kind {
  using type = retention_window;
  static constexpr std::chrono::milliseconds longest
    = std::chrono::hours{24 * 3'650};

  [[nodiscard]] std::string range() const;
  [[nodiscard]] std::string show(const type& x) const;
  [[nodiscard]] bool holds(const type& x) const;
  [[nodiscard]] type read(const char* name, const nlohmann::json& x) const;
};

// -- lists --------------------------------------------------------------------

/// @throws store_error `invalid_options`: the option's name, then `reason`.
[[noreturn]] void refuse_option(const std::string& name,
                                const std::string& reason);

/// The same with what it must be and what it is.
[[noreturn]] void refuse_value(const char* name, const std::string& range,
                               const std::string& value, bool is_text);

/// One option of the struct `Options`.
template <class Options>
struct option {
  template <class Kind>
  struct place {
    typename Kind::type Options::*member;
    Kind kind;
  };

  const char* name;
  std::variant<place<text_kind>, place<choice_kind<durability>>,
               place<choice_kind<after_end>>, place<choice_kind<after_doubt>>,
               place<choice_kind<duplicate_scope>>, place<choice_kind<on_off>>,
               place<number_kind>, place<real_kind>, place<seed_kind>,
               place<duration_kind>, place<window_kind>>
    where;
  const char* meaning;

  [[nodiscard]] std::string range() const {
    return std::visit([](const auto& x) { return x.kind.range(); }, where);
  }

  [[nodiscard]] std::string show(const Options& from) const {
    return std::visit(
      [&](const auto& x) { return x.kind.show(from.*x.member); }, where);
  }

  // @throws store_error `invalid_options` with the range and the value.
  void check(const Options& from) const {
    if (!std::visit([&](const auto& x) { return x.kind.holds(from.*x.member); },
                    where))
      refuse_value(name, range(), show(from),
                   std::holds_alternative<place<text_kind>>(where));
  }

  void read(const nlohmann::json& value, Options& to) const {
    std::visit([&](const auto& x) { to.*x.member = x.kind.read(name, value); },
               where);
  }

  /// Whether its values are numbers, not texts, where both are written alike.
  [[nodiscard]] bool is_number() const {
    return std::holds_alternative<place<number_kind>>(where)
           || std::holds_alternative<place<real_kind>>(where)
           || std::holds_alternative<place<seed_kind>>(where);
  }
};

/// @throws store_error `invalid_options` naming the first option that is out of
///         its range, the range and the value.
template <class Options, std::size_t N>
void check_options(const std::array<option<Options>, N>& all,
                   const Options& from) {
  for (const auto& x : all)
    x.check(from);
}

/// Reads the values of a JSON object whose keys are option names.
/// @throws store_error `invalid_options` for an unknown key or a value of
///         another type.
template <class Options, std::size_t N>
void read_options(const std::array<option<Options>, N>& all,
                  const nlohmann::json& object, Options& to) {
  for (const auto& [key, value] : object.items()) {
    const auto* const known
      = std::find_if(all.begin(), all.end(),
                     [&name = key](const auto& x) { return name == x.name; });
    if (known == all.end())
      refuse_option(key, "is no option of waybill");
    known->read(value, to);
  }
}

template <class Options, std::size_t N>
std::vector<option_info> describe(const std::array<option<Options>, N>& all) {
  const Options defaults;
  std::vector<option_info> infos;
  infos.reserve(all.size());
  for (const auto& x : all)
    infos.push_back({x.name, x.show(defaults), x.range(), x.meaning});
  return infos;
}

/// Makes `--SECTION.NAME=VALUE` known to CAF, also with `-` for `_`.
void add_option(caf::config_option_set& to, const std::string& section,
                const char* name, bool is_number, const char* meaning);

template <class Options, std::size_t N>
void add_options(caf::config_option_set& to, const std::string& section,
                 const std::array<option<Options>, N>& all) {
  for (const auto& x : all)
    add_option(to, section, x.name, x.is_number(), x.meaning);
}

// -- texts --------------------------------------------------------------------

/// Parses a JSON object.
/// @throws store_error `invalid_options` also for a key that is there twice.
nlohmann::json parse_options(std::string_view text);

/// The text of a file of at most 1 MiB that holds more than blanks.
/// @throws store_error `invalid_options` with the reason.
std::string read_options_file(const std::string& path);

/// What `read` makes of such a text; its errors name the file.
template <class Read>
auto from_options_file(const std::string& path, Read read) {
  const auto text = read_options_file(path);
  try {
    return read(text);
  } catch (const store_error& e) {
    throw store_error{e.code(), escape(path) + ": " + e.what()};
  }
}

} // namespace waybill
