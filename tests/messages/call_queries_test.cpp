// Questions about calls: names, JSON both ways, and what is refused.

#include "support/catch.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/json.hpp"

using namespace waybill;
using namespace waybill::test;

TEST_CASE("states of calls and outcomes of payloads have names both ways") {
  for (int i = 0; i < num_call_states; ++i) {
    const auto x = static_cast<call_state>(i);
    CHECK(parse_call_state(to_string(x)) == x);
  }
  for (int i = 0; i < num_payload_outcomes; ++i) {
    const auto x = static_cast<payload_outcome>(i);
    CHECK(parse_payload_outcome(to_string(x)) == x);
  }
  CHECK_FALSE(parse_call_state("Waiting"));
  CHECK_FALSE(parse_payload_outcome(""));
  CHECK(to_string(call_state{7}) == "invalid(7)");
}

TEST_CASE("what is told of calls and targets is the same after JSON") {
  call_reply call;
  call.call = call_snapshot{.target = "plant",
                            .state = call_state::begun,
                            .attempt = 3,
                            .due = at(30),
                            .root = id_of(9)};
  CHECK(from_json_text<call_reply>(to_json_text(call)) == call);
  const payload_reply payload{.outcome = payload_outcome::found,
                              .codec = "aes",
                              .payload = "text"};
  CHECK(from_json_text<payload_reply>(to_json_text(payload)) == payload);
  targets_reply targets;
  targets.targets.push_back({.name = "plant", .calls = 3, .max_calls = 4});
  targets.targets.push_back({.name = "mill", .oldest = at(1)});
  CHECK(from_json_text<targets_reply>(to_json_text(targets)) == targets);
}

TEST_CASE("questions about calls must name an operation") {
  CHECK_FALSE(find_fault(get_call{id_of(1), at(1)}));
  CHECK_FALSE(find_fault(get_payload{id_of(1), std::nullopt}));
  CHECK_FALSE(find_fault(list_targets{std::nullopt}));
  CHECK(find_fault(get_call{{}, std::nullopt})->starts_with("id:"));
  CHECK(find_fault(get_payload{{}, std::nullopt})->starts_with("id:"));
  CHECK(
    find_fault(list_targets{timestamp{INT64_MAX}})->starts_with("deadline"));
}
