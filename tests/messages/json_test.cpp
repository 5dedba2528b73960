// Messages as JSON, both ways: field names, round trips, and that every hostile
// text ends in a json_error that names the field.

#include <set>

#include <nlohmann/json.hpp>

#include "support/hostile.hpp"
#include "support/printing.hpp"
#include "support/random_seed.hpp"
#include "support/requests.hpp"
#include "waybill/audit_messages.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/discard_messages.hpp"
#include "waybill/queries.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;
using nlohmann::json;

namespace {

// What reading `value` throws; no reason if it threw nothing.
struct caught {
  std::string field;
  std::string reason;
};

template <class T, class Value>
caught error_of(const Value& value) {
  try {
    if constexpr (std::is_same_v<Value, json>)
      static_cast<void>(from_json<T>(value));
    else
      static_cast<void>(from_json_text<T>(value));
  } catch (const json_error& e) {
    return {e.field(), e.what()};
  }
  return {};
}

tracking_status_snapshot full_snapshot() {
  return {id_of(7),
          "kind",
          "target",
          tracking_status::parked,
          3,
          "why",
          503,
          at(0),
          at(1),
          at(2),
          "inst",
          "script",
          "node \n\"\\ \u00e9 \U0001F600"};
}

audit_record full_audit() {
  return {id_of(9), audit_verb::purge, at(1), at(2), "anna", "what",
          3,        id_of(7),          "why"};
}

purged_operation full_tombstone() {
  return {tracking_status::parked, at(-8), at(-7), id_of(5)};
}

// Calls `f` with one of each message, all fields set to what they are not by
// default: a test below checks that none has been left out.
template <class F>
void for_each_sample(F f) {
  f(record_enqueue{id_of(1), "kind", "target", "inst", "script", "node", t0});
  f(record_attempt{id_of(1), tracking_status::submitted, 2, "why", 503, t0});
  f(record_terminal{id_of(1), tracking_status::failed, "why", 400, t0});
  f(get_status{id_of(1), t0});
  f(get_many{{id_of(1), id_of(2)}, t0});
  f(purge_terminal{at(-1), tracking_status::parked, t0, at(-2), true,
                   operator_act{id_of(9), "anna", "--older-than 7d", "why"},
                   at(-3), at(-4)});
  f(get_counts{t0});
  f(get_health{});
  f(enqueue_reply{enqueue_outcome::duplicate});
  f(update_reply{update_outcome::not_found});
  f(full_snapshot());
  f(status_reply{full_snapshot(), full_tombstone()});
  f(full_tombstone());
  f(many_reply{{{full_snapshot()}, {}}});
  f(purge_reply{12'345'678'901});
  f(status_count{"kind", tracking_status::parked, 12'345'678'901});
  f(counts_reply{{{"a", tracking_status::submitted, 1},
                  {"b", tracking_status::discarded, 2}},
                 t0,
                 t0});
  f(target_health{"plant", "max_calls", t0, true});
  f(health_reply{health_state::degraded,
                 "why",
                 t0,
                 "error",
                 1,
                 2,
                 3,
                 4,
                 5,
                 6,
                 {{.name = "plant", .crowded = "max_calls"},
                  {.name = "mill", .breaker_open = true}}});
  f(forward_call{id_of(1), "kind", "target", "inst", "script", "node", "pay",
                 at(1), at(2), 3, "key"});
  f(forward_reply{forward_outcome::duplicate, full_tombstone()});
  f(discard{id_of(1), "why", "anna"});
  f(operator_act{id_of(9), "anna", "--status parked", "why"});
  f(requeue{.ids = {id_of(1)},
            .as = id_of(2),
            .reason = "why",
            .act = operator_act{id_of(9), "anna", "--status parked", "why"},
            .deadline = at(3)});
  f(discard_many{.ids = {id_of(1), id_of(2)},
                 .reason = "why",
                 .act = operator_act{id_of(9), "anna", "--status parked",
                                     "why"},
                 .deadline = at(3)});
  f(discard_result{id_of(1), discard_outcome::payload_discarded,
                   tracking_status::parked, "plant"});
  f(discard_reply{{{.id = id_of(1), .outcome = discard_outcome::applied}}});
  f(full_audit());
  f(exported_audit{full_audit()});
  f(requeue_reply{{{.id = id_of(1),
                    .outcome = requeue_outcome::requeued,
                    .successor = id_of(2),
                    .target = "plant",
                    .order_key = "line 7"},
                   {.id = id_of(3),
                    .outcome = requeue_outcome::overloaded,
                    .reason = "max_calls is 1"}}});
  f(requeue_link{id_of(1), id_of(3), id_of(1), 1});
  f(get_backlog{});
  f(backlog_reply{1, 2, 3, breaker_state::half_open, t0, 4,
                  target_pause{t0, "anna", "why"}, 5});
  f(target_pause{t0, "anna", "why"});
  f(pause_target{"plant", "anna", "why"});
  f(resume_target{"plant", "anna", "why"});
  f(pause_reply{pause_outcome::unchanged, target_pause{t0, "anna", "why"}});
  f(shut_down{});
}

template <class T>
bool is_optional_field(const std::string& wanted) {
  bool result = false;
  T x;
  for_each_field(x, [&](const char* name, const auto& value) {
    result = result
             || (name == wanted
                 && is_optional<std::remove_cvref_t<decltype(value)>>);
  });
  return result;
}

// True if the field may be any text: an id, a time or a status may not.
template <class T>
bool takes_any_text(json whole, const std::string& key) {
  whole[key] = "any text at all";
  return error_of<T>(whole).reason.empty();
}

std::string keys_of(const json& object) {
  std::string keys;
  for (const auto& [key, ignored] : object.items())
    keys += (keys.empty() ? "" : " ") + key;
  return keys;
}

} // namespace

TEST_CASE("no field of a sample has its default value") {
  for_each_sample([]<class T>(const T& x) {
    const auto check = [&x](const auto& each) {
      CAPTURE(T::type_name, each.name);
      CHECK_FALSE(x.*each.member == T{}.*each.member);
    };
    std::apply([&](const auto&... each) { (check(each), ...); }, T::fields());
  });
}

TEST_CASE("every message comes back from JSON as it was") {
  for_each_sample([]<class T>(const T& x) {
    CAPTURE(T::type_name, to_json_text(x));
    CHECK(from_json<T>(to_json(x)) == x);
    CHECK(from_json_text<T>(to_json_text(x)) == x);
  });
}

TEST_CASE("a message without its optional values comes back without them") {
  for_each_sample([]<class T>(T x) {
    for_each_field(x, [](const char*, auto& value) {
      if constexpr (is_optional<std::remove_cvref_t<decltype(value)>>)
        value.reset();
    });
    CAPTURE(T::type_name);
    CHECK(from_json<T>(to_json(x)) == x);
  });
}

TEST_CASE("JSON has the contract's field names", "[contract]") {
  CHECK(keys_of(to_json(enqueue(1)))
        == "deadline id kind source_instance_id source_node source_script "
           "target_summary");
  CHECK(keys_of(to_json(attempt(1, 1)))
        == "deadline http_status id last_error retry_count status");
  CHECK(keys_of(to_json(terminal(1)))
        == "deadline http_status id last_error status");
  CHECK(keys_of(to_json(full_snapshot()))
        == "created_at http_status id kind last_error retry_count "
           "source_instance_id source_node source_script status target_summary "
           "terminal_at updated_at");
  CHECK(keys_of(to_json(purge_before(t0)))
        == "act deadline forget_before forget_not_before not_before older_than "
           "status with_payload");
}

TEST_CASE("a snapshot's JSON holds names, GUID texts and UTC times",
          "[contract]") {
  const auto object = to_json(full_snapshot());
  CHECK(object["id"] == "01932c07-f2a1-7000-8000-000000000007");
  CHECK(object["status"] == "Parked");
  CHECK(object["retry_count"] == 3);
  CHECK(object["created_at"] == "2026-11-23T08:15:30.000000Z");
  CHECK(object["terminal_at"] == "2026-11-23T08:15:32.000000Z");
  CHECK(to_json(fresh(1, t0))["terminal_at"].is_null());
  CHECK(to_json(status_reply{})["snapshot"].is_null());
}

TEST_CASE("a missing or null field is none if optional, else an error") {
  for_each_sample([]<class T>(const T& x) {
    const auto whole = to_json(x);
    for (const auto& [key, ignored] : whole.items()) {
      auto without = whole;
      without.erase(key);
      auto with_null = whole;
      with_null[key] = nullptr;
      CAPTURE(T::type_name, key);
      if (is_optional_field<T>(key)) {
        CHECK(to_json(from_json<T>(without)) == with_null);
        CHECK(to_json(from_json<T>(with_null)) == with_null);
      } else {
        const auto error = error_of<T>(without);
        CHECK(error.field == key);
        CHECK(error.reason == key + ": is missing");
        CHECK(error_of<T>(with_null).field == key);
      }
    }
  });
}

TEST_CASE("a value of the wrong type is an error for every field") {
  const json others[]
    = {true, -5, 1.5, "no such text \u0007", json::array(), json::object()};
  for_each_sample([&]<class T>(const T& x) {
    const auto whole = to_json(x);
    for (const auto& [key, good] : whole.items())
      for (const auto& bad : others) {
        // A number field takes any whole number, an array may be empty.
        if ((bad.is_string() && takes_any_text<T>(whole, key))
            || (bad.is_number_integer() && good.is_number_integer())
            || (bad.is_array() && good.is_array())
            || (bad.is_boolean() && good.is_boolean())
            // All that is in an act is optional.
            || (bad.is_object() && key == "act"))
          continue;
        auto changed = whole;
        changed[key] = bad;
        const auto error = error_of<T>(changed);
        CAPTURE(T::type_name, key, bad.dump(), error.reason);
        // Of an object in an object, the first missing field is named.
        const auto* const first = key == "pause"    ? ".since"
                                  : key == "purged" ? ".status"
                                                    : ".id";
        const auto expected = good.is_object() && bad.is_object() ? key + first
                                                                  : key;
        CHECK(error.field == expected);
        CHECK(error.reason.starts_with(expected + ": "));
      }
  });
}

TEST_CASE("no fields but those for people's words take any text") {
  std::set<std::string> free;
  for_each_sample([&]<class T>(const T& x) {
    const auto whole = to_json(x);
    for (const auto& [key, ignored] : whole.items())
      if (takes_any_text<T>(whole, key))
        free.insert(key);
  });
  CHECK(free
        == std::set<std::string>{"crowded", "kind", "last_error", "name",
                                 "order_key", "payload", "reason",
                                 "source_instance_id", "source_node",
                                 "source_script", "target", "target_summary",
                                 "what", "who"});
}

TEST_CASE("an unknown field is an error that names it") {
  for_each_sample([]<class T>(const T& x) {
    auto object = to_json(x);
    object["no_such_field"] = 1;
    const auto error = error_of<T>(object);
    CHECK(error.field == "no_such_field");
    CHECK(error.reason.find(T::type_name) != std::string::npos);
  });
  auto nested = to_json(status_reply{full_snapshot()});
  nested["snapshot"]["extra"] = 1;
  CHECK(error_of<status_reply>(nested).field == "snapshot.extra");
  auto hostile = to_json(get_health{});
  hostile["\x1b[2J\n"] = 1;
  CHECK(error_of<get_health>(hostile).field == "\\x1B[2J\\n");
}

TEST_CASE("an error inside arrays and objects names the whole path") {
  auto counts = to_json(counts_reply{{{"a", tracking_status::submitted, 1},
                                      {"b", tracking_status::parked, 2}},
                                     std::nullopt,
                                     std::nullopt});
  counts["counts"][1]["status"] = "Lost";
  const auto error = error_of<counts_reply>(counts);
  CHECK(error.field == "counts[1].status");
  CHECK(error.reason.find("Submitted, Retrying, Delivered, Parked, Failed, "
                          "Discarded")
        != std::string::npos);
  CHECK(error.reason.find("\"Lost\"") != std::string::npos);
}

TEST_CASE("a status that is none is an error") {
  const std::string words[] = {"",
                               "retrying",
                               "RETRYING",
                               "Retrying ",
                               std::string{"Retrying\0"sv},
                               "invalid(1)",
                               "1"};
  auto object = to_json(attempt(1, 1));
  for (const auto& word : words) {
    object["status"] = word;
    CHECK(error_of<record_attempt>(object).field == "status");
  }
  object["status"] = 1;
  CHECK(error_of<record_attempt>(object).field == "status");
}

TEST_CASE("a malformed id or time is an error") {
  auto object = to_json(status_of(1));
  object["id"] = "{01932c07-f2a1-7000-8000-000000000007}";
  CHECK(error_of<get_status>(object).field == "id");
  object = to_json(status_of(1));
  object["deadline"] = "2026-11-23 08:15:30";
  CHECK(error_of<get_status>(object).field == "deadline");
  object["deadline"] = 1'795'421'730;
  CHECK(error_of<get_status>(object).field == "deadline");
}

TEST_CASE("a number out of its field's range is an error, not another number") {
  const auto with_count = [](const std::string& number) {
    return R"({"id":"01932c07-f2a1-7000-8000-000000000001",)"
           R"("status":"Retrying","retry_count":)"
           + number + "}";
  };
  for (const auto* const number :
       {"2147483648", "-2147483649", "4294967297", "9223372036854775808",
        "18446744073709551616", "1.0", "1.5", "1e0", "1e300", "-0.0", "true"}) {
    const auto error = error_of<record_attempt>(with_count(number));
    CAPTURE(number, error.reason);
    CHECK(error.field == "retry_count");
  }
  for (const auto number : {2'147'483'647, -2'147'483'647 - 1, 0, -0})
    CHECK(from_json_text<record_attempt>(with_count(std::to_string(number)))
            .retry_count
          == number);
  // What JSON itself cannot hold is an error of the whole text.
  for (const auto* const number : {"1e999", "01", "+1", "0x10", "NaN", "-"}) {
    const auto error = error_of<record_attempt>(with_count(number));
    CHECK(error.field.empty());
    CHECK_FALSE(error.reason.empty());
  }
  CHECK(error_of<purge_reply>("{\"deleted\":9223372036854775808}"sv).field
        == "deleted");
  CHECK(
    from_json_text<purge_reply>("{\"deleted\":-9223372036854775808}").deleted
    == INT64_MIN);
}

TEST_CASE("a text that is no JSON object is an error") {
  for (const auto text : {""sv,
                          " "sv,
                          "{"sv,
                          "}"sv,
                          "null"sv,
                          "[]"sv,
                          "1"sv,
                          "\"id\""sv,
                          "{}x"sv,
                          "{'id':1}"sv,
                          "{\"id\":}"sv,
                          "{\"id\" 1}"sv,
                          "// no\n{}"sv,
                          "\0"sv,
                          "{}\0"sv,
                          "\xff"sv,
                          "{\"id\":\"\xff\"}"sv,
                          "{\"id\":\"\xed\xa0\x80\"}"sv,
                          "{\"id\":\"\\ud800\"}"sv,
                          "\xef\xbb\xbf"sv,
                          "{\"id\":\"\x01\"}"sv}) {
    const auto error = error_of<get_status>(text);
    CAPTURE(text, error.reason);
    CHECK(error.field.empty());
    CHECK_FALSE(error.reason.empty());
    CHECK(error.reason.find_first_of(std::string_view{"\0\x1b\n\x01", 4})
          == std::string::npos);
  }
}

TEST_CASE("a name that comes twice is an error, however it is written") {
  const auto twice = [](std::string_view text) {
    const auto error = error_of<operation_record>(text);
    CHECK(error.reason == error.field + ": is there twice");
    return error.field;
  };
  CHECK(twice(R"({"snapshot":{"kind":"a","kind":"a"}})") == "snapshot.kind");
  CHECK(twice(R"({"snapshot":{"kind":"a","\u006bind":"b"}})")
        == "snapshot.kind");
  CHECK(twice(R"({"transitions":[],"transitions":[]})") == "transitions");
  CHECK(twice(R"({"transitions":[{"id":1},{"at":1,"id":2,"at":3}]})")
        == "transitions[1].at");
  CHECK(twice(R"({"a":{"b":1},"c":[[0,{"x":1,"x":2}]]})") == "c[0][1].x");
  CHECK(twice("{\"\x7f\":1,\"\x7f\":2}") == "\\x7F");
  // One name in two objects is none that comes twice.
  CHECK(error_of<operation_record>(R"({"a":{"id":1},"b":{"id":2}})"sv).field
        == "snapshot");
}

TEST_CASE("an error says where a text stops to be JSON and what was expected") {
  const auto reason = [](std::string_view text) {
    const std::string begin = "is no JSON: ";
    const auto all = error_of<get_status>(text).reason;
    return all.starts_with(begin) ? all.substr(begin.size()) : all;
  };
  CHECK(reason("no") == "expected a value at column 1, but found \"no\"");
  CHECK(reason("") == "expected a value at column 1, but the text ends there");
  CHECK(reason(R"({"a":1,})")
        == "expected a name in double quotes at column 8, but found \"}\"");
  CHECK(reason(R"({"é" 1})")
        == "expected : behind a name at column 6, but found \"1\"");
  CHECK(reason("{\n  \"a\": [1 2]\n}")
        == "expected , or ] behind a value at line 2, column 11, but found "
           "\"2\"");
  CHECK(reason("[]]") == "expected the end at column 3, but found \"]\"");
  CHECK(reason("[1,")
        == "expected a value at column 4, but the text ends there");
  CHECK(reason("[x]") == "expected a value, or ] at column 2, but found \"x\"");
  CHECK(reason(R"(["\q"])")
        == "expected one of \" \\ / b f n r t u behind a backslash at column "
           "4, but found \"q\"");
  CHECK(reason("[\"a\xff\"]")
        == "expected UTF-8 at column 4, but found \"\\xFF\"");
  CHECK(reason("[1e999]") == "it has a number that is too large");
  CHECK(reason(std::string_view{"\0", 1}) == "it contains NUL");
}

TEST_CASE("every text that is no JSON is told where it stops to be") {
  // Each beginning of a text, and the text with each byte replaced.
  operation_record record{full_snapshot(), {}};
  record.transitions.emplace_back().kind = "k";
  const auto text = to_json_text(record);
  const auto check = [](const std::string& x) {
    const auto reason = error_of<operation_record>(x).reason;
    CAPTURE(x, reason);
    CHECK(reason.find("cannot be read") == std::string::npos);
    CHECK(reason.find("json.exception") == std::string::npos);
    CHECK(is_valid_utf8(reason));
  };
  stride places{"texts that are no JSON"};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!places.takes_next())
      continue;
    check(text.substr(0, i));
    for (const auto c : {'"', '\\', '{', ']', '-', '0', 'e', '.', 'u', '\x01',
                         '\xed', ' ', ','}) {
      auto changed = text;
      changed[i] = c;
      check(changed);
    }
  }
}

TEST_CASE("an error shows a hostile value escaped and not at length") {
  auto object = to_json(status_of(1));
  for (const auto& odd : odd_texts) {
    object["id"] = odd + std::string(1'000'000, 'x');
    const auto reason = error_of<get_status>(object).reason;
    CAPTURE(reason);
    CHECK(reason.size() < 300);
    for (const auto* const steering :
         {"\x1b", "\x07", "\n", "\r", "\x7f", "\u202E", "\u009b"})
      CHECK(reason.find(steering) == std::string::npos);
  }
  const auto endless = "{\"id\":\"" + std::string(1'000'000, 'x');
  CHECK(error_of<get_status>(endless).reason.size() < 500);
  object["id"] = "\u009b31m\x7f";
  const auto reason = error_of<get_status>(object).reason;
  CHECK(reason.find("\u009b") == std::string::npos);
  CHECK(reason.find('\x7f') == std::string::npos);
}

TEST_CASE("an escaped NUL is read, for find_fault to refuse") {
  auto object = to_json(enqueue(1));
  const auto text = [&] {
    object["kind"] = "KIND";
    auto whole = object.dump();
    whole.replace(whole.find("KIND"), 4, "a\\u0000b");
    return whole;
  }();
  const auto x = from_json_text<record_enqueue>(text);
  CHECK(x.kind == "a\0b"sv);
  CHECK(find_fault(x).value().starts_with("kind: "));
}

TEST_CASE("deep nesting is an error, not a crash") {
  constexpr std::size_t depth = 60'000;
  const auto arrays = std::string(depth, '[') + std::string(depth, ']');
  CHECK_FALSE(error_of<get_status>(arrays).reason.empty());
  CHECK_FALSE(error_of<get_status>(std::string(depth, '[')).reason.empty());
  CHECK(error_of<get_status>("{\"id\":" + arrays + "}").field == "id");
  CHECK(error_of<counts_reply>("{\"counts\":" + arrays + "}").field
        == "counts[0]");
  CHECK(error_of<get_health>("{\"x\":" + arrays + "}").field == "x");
}

TEST_CASE("what is not UTF-8 is written as U+FFFD instead of failing") {
  auto x = full_snapshot();
  x.last_error = "a\xff z";
  const auto text = to_json_text(x);
  CHECK(from_json_text<tracking_status_snapshot>(text).last_error
        == "a\uFFFD z");
}

TEST_CASE("odd texts come back from JSON as they were") {
  for (const auto& odd : odd_texts) {
    const auto x = enqueue(1, odd);
    CHECK(from_json_text<record_enqueue>(to_json_text(x)) == x);
  }
}

TEST_CASE("printing names type and fields, leaves out what is not there") {
  CHECK(to_string(terminal(1))
        == "record_terminal{id=01932c07-f2a1-7000-8000-000000000001, "
           "status=Delivered, http_status=200}");
  CHECK(to_string(get_health{}) == "get_health{}");
  CHECK(to_string(counts_reply{{{"a", tracking_status::parked, 2},
                                {"b", tracking_status::failed, 1}},
                               std::nullopt,
                               std::nullopt})
        == "counts_reply{counts=[status_count{kind=\"a\", status=Parked, "
           "operations=2}, status_count{kind=\"b\", status=Failed, "
           "operations=1}]}");
}

TEST_CASE("printing escapes what would steer a terminal") {
  auto x = full_snapshot();
  x.last_error = "\x1b[31mred\x1b[0m\n\u202E\xff";
  const auto text = to_string(x);
  CHECK(text.find("last_error=\"\\x1B[31mred\\x1B[0m\\n\\u{202E}\\xFF\"")
        != std::string::npos);
  CHECK(text.find_first_of("\x1b\n\xff") == std::string::npos);
}
