#include "site_runtime/input.hpp"

#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

using nlohmann::json;

// Deep enough for any call; bounds the recursion of whoever writes the value.
constexpr int max_depth = 64;

json parse_json(std::string_view line) {
  const auto check_depth = [](int depth, json::parse_event_t, json&) {
    if (depth > max_depth)
      throw bad_line{"nested more than " + std::to_string(max_depth)
                     + " levels deep"};
    return true;
  };
  try {
    return json::parse(line, check_depth);
  } catch (const json::parse_error& e) {
    throw bad_line{"not JSON (byte " + std::to_string(e.byte) + ')'};
  } catch (const json::exception& e) {
    // For example a number that no double can hold.
    throw bad_line{
      "not JSON that can be used: "
      + waybill::escape(std::string_view{e.what()}.substr(0, 200))};
  }
}

// Where a value ends that begins at `at` of a valid JSON text.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (bool quoted = false; at < text.size(); ++at) {
    const auto c = text[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      quoted = c != '"';
      if (!quoted && depth == 0)
        return at + 1;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == '}' || c <= ' ')) {
      return at;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return at;
}

// What stands for a member's value in the text of an object.
using raw_members = std::map<std::string, std::string_view>;

// The members of an object, of which `text` is valid JSON: a parsed value would
// have other digits, another order, and one member of a name only.
// @throws bad_line for a name that comes twice.
raw_members members_of(std::string_view text) {
  raw_members members;
  for (auto at = text.find('{') + 1;;) {
    at = text.find_first_of("\"}", at);
    if (text[at] == '}')
      return members;
    const auto name_end = end_of_value(text, at);
    const auto name
      = json::parse(text.substr(at, name_end - at)).get<std::string>();
    at = text.find_first_not_of(" \t\r\n", text.find(':', name_end) + 1);
    const auto end = end_of_value(text, at);
    if (!members.emplace(name, text.substr(at, end - at)).second)
      throw bad_line{waybill::escape(waybill::truncate_utf8(name, 100))
                     + ": is there twice"};
    at = end;
  }
}

const json& required(const json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end())
    throw bad_line{std::string{name} + ": is missing"};
  return *at;
}

void check_path(const json& path) {
  const auto* const text = path.get_ptr<const std::string*>();
  if (text == nullptr || !text->starts_with('/')
      || text->size() > waybill::limits::max_target)
    throw bad_line{"path: must be a text that begins with / and has at most "
                   + std::to_string(waybill::limits::max_target) + " bytes"};
  for (const auto c : *text)
    if (c <= ' ' || c > '~')
      throw bad_line{"path: must be written as in a URL, without blanks and "
                     "characters outside ASCII"};
}

} // namespace

// A path has no line ends.
std::string to_payload(const external_request& x) {
  return x.path + '\n' + x.body;
}

external_request to_request(std::string_view payload) {
  const auto end = payload.find('\n');
  return {.path = std::string{payload.substr(0, end)},
          .body = std::string{payload.substr(end + 1)}};
}

waybill::forward_call parse_call(std::string_view line) {
  if (line.find_first_not_of(" \t") == std::string_view::npos)
    throw bad_line{"empty"};
  if (line.find('\0') != std::string_view::npos)
    throw bad_line{"contains NUL"};
  if (!waybill::is_valid_utf8(line))
    throw bad_line{"not valid UTF-8"};
  auto object = parse_json(line);
  if (!object.is_object())
    throw bad_line{"not a JSON object"};

  const auto as_written = members_of(line);

  // What waybill tracks stays in the object; what is sent becomes the payload.
  if (object.contains("payload"))
    throw bad_line{"payload: is no field of a call"};
  std::string payload;
  if (const auto& kind = required(object, "kind"); kind == external_kind) {
    check_path(required(object, "path"));
    required(object, "body");
    payload = to_payload({.path = object["path"].get<std::string>(),
                          .body = std::string{as_written.at("body")}});
    object.erase("path");
    object.erase("body");
  } else if (kind == database_kind) {
    if (!required(object, "row").is_object())
      throw bad_line{"row: must be an object"};
    payload = as_written.at("row");
    members_of(payload);
    object.erase("row");
  } else {
    throw bad_line{"kind: must be " + std::string{external_kind} + " or "
                   + std::string{database_kind}};
  }
  object["payload"] = std::move(payload);
  waybill::forward_call call;
  try {
    call = waybill::from_json<waybill::forward_call>(object);
  } catch (const waybill::json_error& e) {
    throw bad_line{e.what()};
  }
  if (const auto fault = find_fault(call))
    throw bad_line{*fault};
  return call;
}

} // namespace site_runtime
