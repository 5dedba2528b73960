#include "waybill/operator_messages.hpp"

#include <optional>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using nlohmann::json;

constexpr const char* version_name = "waybill";

std::string to_line(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

[[noreturn]] void refuse(const std::string& text) {
  throw operator_error{errc::invalid_request, text};
}

// Calls `f` with an empty request of each kind until it returns true.
template <class F, std::size_t... I>
bool any_of_kinds(F f, std::index_sequence<I...> /*kinds*/) {
  return (f(std::variant_alternative_t<I, operator_request>{}) || ...);
}

template <class F>
bool any_of_kinds(F f) {
  return any_of_kinds(
    f, std::make_index_sequence<std::variant_size_v<operator_request>>{});
}

std::string names_of_kinds() {
  std::string names;
  any_of_kinds([&](const auto& x) {
    names += (names.empty() ? "" : ", ") + std::string{x.type_name};
    return false;
  });
  return names;
}

// An object of this form and version.
json parse_object(std::string_view line) {
  if (line.size() > max_operator_line)
    refuse("a line must have at most " + std::to_string(max_operator_line)
           + " bytes, but has " + std::to_string(line.size()));
  auto object = parse_json(line);
  if (!object.is_object())
    refuse("a line must be a JSON object");
  const auto version = object.find(version_name);
  if (version == object.end())
    refuse(std::string{version_name} + " is missing: the version, "
           + std::to_string(operator_protocol));
  if (*version != operator_protocol)
    refuse(std::string{version_name} + " must be "
           + std::to_string(operator_protocol) + ", but is "
           + escape(to_line(*version).substr(0, 40)));
  object.erase(version);
  return object;
}

// Takes the member `name` out of an object.
json take(json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end())
    refuse(std::string{name} + " is missing");
  auto value = std::move(*found);
  object.erase(found);
  return value;
}

void require_empty(const json& object) {
  if (!object.empty())
    refuse(escape(object.begin().key().substr(0, 60)) + " is not expected");
}

operator_request parse_request(json object) {
  const auto name = take(object, "ask");
  if (!name.is_string())
    refuse("ask must be a text");
  const auto with = object.contains("with") ? take(object, "with")
                                            : json::object();
  require_empty(object);
  std::optional<operator_request> request;
  any_of_kinds([&]<class Kind>(const Kind&) {
    if (name == Kind::type_name)
      request = from_json<Kind>(with);
    return request.has_value();
  });
  if (!request)
    refuse("ask must be one of " + names_of_kinds() + ", but is "
           + escape(name.get<std::string>().substr(0, 60)));
  return *request;
}

} // namespace

std::string operator_socket_of(const std::string& file) {
  return file + ".sock";
}

std::string to_operator_line(const operator_request& x) {
  return std::visit(
    [](const auto& request) {
      return to_line({{version_name, operator_protocol},
                      {"ask", request.type_name},
                      {"with", to_json(request)}});
    },
    x);
}

operator_request parse_operator_request(std::string_view line) {
  try {
    return parse_request(parse_object(line));
  } catch (const json_error& e) {
    refuse(e.what());
  }
}

template <has_fields Reply>
std::string to_operator_reply(const Reply& x) {
  return to_line({{version_name, operator_protocol}, {"reply", to_json(x)}});
}

std::string to_operator_error(errc code, const std::string& text) {
  return to_line({{version_name, operator_protocol},
                  {"error", {{"code", to_string(code)}, {"message", text}}}});
}

template <has_fields Reply>
Reply parse_operator_reply(std::string_view line) {
  std::string fault;
  try {
    auto object = parse_json(line);
    if (!object.is_object()
        || object.value(version_name, 0) != operator_protocol)
      fault = "of another version";
    else if (const auto error = object.find("error"); error != object.end())
      throw operator_error{parse_errc(error->at("code").get<std::string>())
                             .value_or(errc::outcome_unknown),
                           error->at("message").get<std::string>()};
    else
      return from_json<Reply>(object.at("reply"));
  } catch (const json_error& e) {
    fault = e.what();
  } catch (const json::exception&) {
    fault = "no answer";
  }
  throw operator_error{errc::outcome_unknown,
                       "the service's answer is not understood: " + fault};
}

#define WAYBILL_INSTANTIATE(type)                                              \
  template std::string to_operator_reply<type>(const type&);                   \
  template type parse_operator_reply<type>(std::string_view);

WAYBILL_INSTANTIATE(status_reply)
WAYBILL_INSTANTIATE(counts_reply)
WAYBILL_INSTANTIATE(health_reply)
WAYBILL_INSTANTIATE(stats_reply)
WAYBILL_INSTANTIATE(purge_reply)
WAYBILL_INSTANTIATE(discard_reply)
WAYBILL_INSTANTIATE(pause_reply)
WAYBILL_INSTANTIATE(backlogs_reply)
WAYBILL_INSTANTIATE(requeue_reply)

#undef WAYBILL_INSTANTIATE

} // namespace waybill
