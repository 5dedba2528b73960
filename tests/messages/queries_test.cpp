// Questions about many operations: their JSON, and what they refuse.

#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "support/catch.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "waybill/json.hpp"
#include "waybill/queries.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

template <class T>
void check_round_trip(const T& x) {
  CHECK(from_json_text<T>(to_json_text(x)) == x);
}

// A list, a watch, of which `change` sets something.
template <class F>
list_operations list_with(F&& change) {
  list_operations x;
  change(x);
  return x;
}

template <class F>
watch_transitions watch_with(F&& change) {
  watch_transitions x;
  change(x);
  return x;
}

// What is wrong, up to the first colon.
template <class T>
std::string field_at_fault(const T& x) {
  const auto fault = find_fault(x);
  return fault ? fault->substr(0, fault->find(':')) : "";
}

} // namespace

TEST_CASE("questions and answers go through JSON unchanged", "[queries]") {
  list_operations list;
  check_round_trip(list);
  list.filter.statuses = {tracking_status::parked, tracking_status::failed};
  list.filter.kinds = {"a", "b"};
  list.filter.target_summary = "t";
  list.filter.created_from = t0;
  list.filter.http_class = 5;
  list.filter.number_until = 7;
  list.order = list_order::oldest_first;
  list.cursor = "1.2.3";
  list.full = true;
  check_round_trip(list);

  transition step{7,   id_of(1),          "kind", tracking_status::retrying, 2,
                  "e", std::int32_t{503}, t0};
  check_round_trip(step);
  check_round_trip(list_reply{{fresh(1, t0)}, "cursor"});
  check_round_trip(history_reply{fresh(1, t0), {step}, false});
  check_round_trip(watch_transitions{
    "3", {id_of(1)}, {"kind"}, {tracking_status::failed}, 5, t0});
  check_round_trip(watch_reply{{step}, transition_gap{1, 2}, "9"});
  check_round_trip(
    await_terminal{{id_of(1), id_of(2)}, wait_mode::any_of, true, t0});
  check_round_trip(wait_reply{true, {{fresh(1, t0)}, {std::nullopt}}});
  check_round_trip(operation_record{fresh(1, t0), {step}});
}

TEST_CASE("a truth value in JSON is true or false, nothing else", "[queries]") {
  const auto text = to_json_text(list_operations{});
  const auto with = [&](const std::string& value) {
    auto changed = text;
    const auto at = changed.find("\"full\":false");
    REQUIRE(at != std::string::npos);
    return changed.replace(at, 12, "\"full\":" + value);
  };
  CHECK(from_json_text<list_operations>(with("true")).full);
  for (const auto* const value : {"1", "0", "\"true\"", "null"})
    CHECK_THROWS_AS(from_json_text<list_operations>(with(value)), json_error);
  CHECK_THAT(to_string(list_with([](auto& x) { x.full = true; })),
             Catch::Contains("full=true"));
}

TEST_CASE("a question that cannot be answered names the field", "[queries]") {
  CHECK(field_at_fault(list_operations{}) == "");
  CHECK(field_at_fault(list_with([](auto& x) { x.page_size = 0; }))
        == "page_size");
  CHECK(
    field_at_fault(list_with([](auto& x) { x.cursor = std::string(200, '1'); }))
    == "cursor");
  CHECK(field_at_fault(list_with([](auto& x) { x.order = list_order{7}; }))
        == "order");
  list_operations list;
  list.filter.statuses = {tracking_status{9}};
  CHECK(field_at_fault(list) == "statuses[0]");
  list.filter = {};
  list.filter.kinds.assign(65, "kind");
  CHECK(field_at_fault(list) == "kinds");
  list.filter = {};
  list.filter.http_status = 99;
  CHECK(field_at_fault(list) == "http_status");
  list.filter = {};
  list.filter.error_contains = std::string(2'000, 'x');
  CHECK(field_at_fault(list) == "error_contains");

  CHECK(field_at_fault(get_history{}) == "id");
  CHECK(field_at_fault(watch_transitions{}) == "");
  CHECK(
    field_at_fault(watch_with([](auto& x) { x.after = std::string(200, '1'); }))
    == "after");
  CHECK(field_at_fault(watch_with([](auto& x) { x.ids.resize(1); }))
        == "ids[0]");

  CHECK(field_at_fault(await_terminal{}) == "ids");
  await_terminal wait;
  wait.ids = {id_of(1), id_of(1)};
  CHECK(field_at_fault(wait) == "ids");
  wait.ids.pop_back();
  wait.mode = wait_mode{5};
  CHECK(field_at_fault(wait) == "mode");
  await_terminal many;
  for (std::uint64_t n = 1; n <= 257; ++n)
    many.ids.push_back(id_of(n));
  CHECK(field_at_fault(many) == "ids");
  many.ids.pop_back();
  CHECK(field_at_fault(many) == "");
}

TEST_CASE("the question for stuck operations asks for those in flight",
          "[queries]") {
  const auto x = stuck_operations(at(100), std::chrono::seconds{30});
  CHECK(x.filter.updated_until == at(70));
  CHECK(x.filter.or_updated_after == at(130));
  CHECK(x.filter.statuses
        == std::vector{tracking_status::submitted, tracking_status::retrying});
  CHECK(x.order == list_order::oldest_first);
  CHECK(field_at_fault(x) == "");
}

TEST_CASE("an answer's mark goes with the message that it came in",
          "[threads]") {
  auto mark = std::make_shared<int>(0);
  const std::weak_ptr<int> is_unread = mark;
  std::optional<list_reply> message;
  std::thread{[&] {
    list_reply made;
    made.mark = unread_mark{std::exchange(mark, nullptr)};
    message = std::move(made);
  }}.join();
  CHECK_FALSE(is_unread.expired());
  const auto copied = *message;
  const auto moved = std::move(*message);
  CHECK(copied == moved);
  CHECK_FALSE(is_unread.expired());
  message.reset();
  CHECK(is_unread.expired());
}
