#include "waybill/option_list.hpp"

#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <sstream>
#include <system_error>

#include <caf/config_option_set.hpp>

#include "waybill/caf_seam.hpp"
#include "waybill/json_text.hpp"

namespace waybill {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* duration_example
  = "a duration like \"500ms\", \"30s\", \"10min\", \"1h\" or \"7d\", ";

// What arrays and objects hold is not shown: writing it out would recurse as
// deep as a hostile text nests them.
std::string shown(const json& value) {
  if (value.is_structured())
    return value.is_array() ? "an array" : "an object";
  return value.dump(-1, ' ', true, json::error_handler_t::replace)
    .substr(0, 100);
}

[[noreturn]] void ill_typed(const char* name, const std::string& wanted,
                            const json& value) {
  refuse_option(name, "must be " + wanted + ", but is " + shown(value));
}

std::optional<milliseconds> to_duration(const json& value) {
  return value.is_string() ? parse_duration(value.get_ref<const std::string&>())
                           : std::nullopt;
}

std::string brief(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

} // namespace

// -- kinds of values ----------------------------------------------------------

std::string text_kind::read(const char* name, const json& x) const {
  if (!x.is_string())
    ill_typed(name, "a text", x);
  return x.get<std::string>();
}

std::string to_text(choice_names x) {
  std::string text;
  for (const auto* const name : x)
    text += (text.empty() ? "" : ", ") + std::string{name};
  return text;
}

std::size_t read_choice(const char* name, choice_names names, const json& x) {
  const auto found
    = std::ranges::find_if(names, [&](const char* each) { return x == each; });
  if (found == names.end())
    ill_typed(name, "one of " + to_text(names), x);
  return static_cast<std::size_t>(found - names.begin());
}

std::int64_t number_kind::read(const char* name, const json& x) const {
  if (!x.is_number_integer()
      || (x.is_number_unsigned()
          && x.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()))
    ill_typed(name, "a whole number, " + range(), x);
  return x.get<std::int64_t>();
}

std::string real_kind::range() const {
  return brief(min) + " to " + brief(max);
}

std::string real_kind::show(type x) const {
  return brief(x);
}

double real_kind::read(const char* name, const json& x) const {
  if (!x.is_number())
    ill_typed(name, "a number, " + range(), x);
  return x.get<double>();
}

std::string seed_kind::range() const {
  return "0 to " + std::to_string(std::numeric_limits<std::uint64_t>::max());
}

std::string seed_kind::show(const type& x) const {
  return x ? std::to_string(*x) : "random";
}

std::optional<std::uint64_t> seed_kind::read(const char* name,
                                             const json& x) const {
  if (!x.is_number_unsigned()
      && !(x.is_number_integer() && x.get<std::int64_t>() >= 0))
    ill_typed(name, "a whole number, " + range(), x);
  return x.get<std::uint64_t>();
}

std::string duration_kind::range() const {
  return to_text(min) + " to " + to_text(max);
}

milliseconds duration_kind::read(const char* name, const json& x) const {
  const auto duration = to_duration(x);
  if (!duration)
    ill_typed(name, duration_example + range(), x);
  return *duration;
}

std::string window_kind::range() const {
  return "0s to " + to_text(longest) + ", forever";
}

std::string window_kind::show(const type& x) const {
  return x ? to_text(*x) : "forever";
}

bool window_kind::holds(const type& x) const {
  return !x || (*x >= milliseconds::zero() && *x <= longest);
}

retention_window window_kind::read(const char* name, const json& x) const {
  if (x == "forever")
    return std::nullopt;
  const auto duration = to_duration(x);
  if (!duration)
    ill_typed(name, "a duration like \"7d\", " + range(), x);
  return duration;
}

// -- lists --------------------------------------------------------------------

void refuse_option(const std::string& name, const std::string& reason) {
  throw store_error{errc::invalid_options, escape(name) + ": " + reason};
}

void refuse_value(const char* name, const std::string& range,
                  const std::string& value, bool is_text) {
  constexpr std::size_t longest = 40;
  if (!is_text)
    refuse_option(name, "must be " + range + ", but is " + value);
  if (value.empty())
    refuse_option(name, "must not be empty");
  refuse_option(name, "must be " + range + ", but is \""
                        + escape(std::string_view{value}.substr(0, longest))
                        + (value.size() > longest ? "…\"" : "\""));
}

void add_option(caf::config_option_set& to, const std::string& section,
                const char* name, bool is_number, const char* meaning) {
  to.add(config_option(section, name, meaning, is_number));
  std::string spelling{name};
  std::ranges::replace(spelling, '_', '-');
  if (spelling != name)
    to.add(config_option(section, spelling, "the same", is_number));
}

// -- texts --------------------------------------------------------------------

json parse_options(std::string_view text) {
  json object;
  try {
    object = parse_json(text);
  } catch (const json_error& e) {
    const auto* const subject = e.field().empty() ? "options: " : "";
    throw store_error{errc::invalid_options, std::string{subject} + e.what()};
  }
  if (!object.is_object())
    refuse_option("options", "must be a JSON object, but is " + shown(object));
  return object;
}

std::string read_options_file(const std::string& path) {
  constexpr std::size_t longest = 1'048'576;
  const auto refuse_errno = [&] {
    refuse_option(path,
                  "cannot be read: " + std::generic_category().message(errno));
  };
  if (path.find('\0') != std::string::npos)
    refuse_option(path, "must not contain NUL");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
    std::fopen(path.c_str(), "rbe"), &std::fclose};
  if (!file)
    refuse_errno();
  std::string text(longest + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0)
    refuse_errno(); // a directory, for example
  if (text.size() > longest)
    refuse_option(path, "is longer than " + std::to_string(longest) + " bytes");
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    refuse_option(path, "is empty; {} stands for no options");
  return text;
}

} // namespace waybill
