// The store-and-forward messages: what is refused, and what is recorded.

#include "support/hostile.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "waybill/audit_messages.hpp"
#include "waybill/discard_messages.hpp"
#include "waybill/requeue_messages.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

forward_call full_call() {
  return {id_of(1), "kind", "target", "instance", "script", "node", "payload"};
}

} // namespace

TEST_CASE("a call is recorded with its first six fields and no deadline") {
  const record_enqueue expected{id_of(1), "kind", "target",    "instance",
                                "script", "node", std::nullopt};
  CHECK(to_enqueue(full_call()) == expected);
}

TEST_CASE("a call with a hostile field is refused by name") {
  auto x = full_call();
  CHECK(find_fault(x) == std::nullopt);
  x.payload = std::string{"\0\xff\x1b"sv}; // any bytes may be sent
  CHECK(find_fault(x) == std::nullopt);
  x.kind.clear();
  CHECK(find_fault(x).value().starts_with("kind: "));
  x = full_call();
  x.id = {};
  CHECK(find_fault(x).value().starts_with("id: "));
  x = full_call();
  x.target_summary = std::string(limits::max_target + 1, 'x');
  CHECK(find_fault(x).value().starts_with("target_summary: "));
}

TEST_CASE("what a call says of its delivery is looked at, too") {
  auto x = full_call();
  x.due = max_timestamp;
  x.expires = min_timestamp;
  x.priority = 0;
  x.order_key = std::string(limits::max_order_key, 'x');
  CHECK(find_fault(x) == std::nullopt);
  x.order_key = std::string(limits::max_order_key + 1, 'x');
  CHECK(find_fault(x).value().starts_with("order_key: "));
  for (const auto& bad : bad_texts) {
    x.order_key = bad.text;
    CHECK(find_fault(x).value().starts_with("order_key: "));
  }
  for (const auto bad : {-1, limits::max_priority + 1}) {
    x.priority = bad;
    CHECK(find_fault(x).value().starts_with("priority: "));
  }
  x.expires = min_timestamp - std::chrono::microseconds{1};
  CHECK(find_fault(x).value().starts_with("expires: "));
  x.due = max_timestamp + std::chrono::microseconds{1};
  CHECK(find_fault(x).value().starts_with("due: "));
}

TEST_CASE("a pause with a hostile field is refused by its own names") {
  const pause_target good{"plant", "anna", "why"};
  CHECK_FALSE(find_fault(good));
  for (const auto& [member, field, most] :
       {std::tuple{&pause_target::target, "target", limits::max_target},
        std::tuple{&pause_target::who, "who", limits::max_operator},
        std::tuple{&pause_target::reason, "reason", limits::max_reason}}) {
    CAPTURE(field);
    for (const auto& bad : {std::string{}, std::string{"a\0b", 3},
                            std::string{"\xff"}, std::string(most + 1, 'x')}) {
      auto x = good;
      x.*member = bad;
      REQUIRE(find_fault(x));
      CHECK(find_fault(x)->starts_with(std::string{field} + ": "));
    }
    auto x = good;
    x.*member = std::string(most, 'x');
    CHECK_FALSE(find_fault(x));
  }
  CHECK(find_fault(resume_target{""}) == "target: must not be empty");
  CHECK(find_fault(resume_target{"plant", "anna", ""})
        == "reason: must not be empty");
  CHECK(to_string(pause_outcome::not_found) == "not_found");
  CHECK(parse_pause_outcome("unchanged") == pause_outcome::unchanged);
  CHECK_FALSE(parse_pause_outcome("Unchanged"));
}

TEST_CASE("a discard with a hostile field is refused by its own names") {
  discard x{id_of(1), "an operator's wish"};
  CHECK(find_fault(x) == std::nullopt);
  x.reason.reset();
  CHECK(find_fault(x) == std::nullopt);
  for (const auto& bad : bad_texts) {
    x.reason = bad.text;
    CHECK(find_fault(x).value().starts_with("reason: "));
  }
  x.reason = std::string(limits::max_last_error + 1, 'x');
  CHECK(find_fault(x).value().starts_with("reason: "));
  x.reason.reset();
  x.who = "";
  CHECK(find_fault(x) == "who: must not be empty");
  x.id = {};
  CHECK(find_fault(x).value().starts_with("id: "));
}

TEST_CASE("who wants what is checked with an operator's request, and why, if "
          "it is about several operations") {
  discard_many x{.ids = {id_of(1), id_of(2)}};
  CHECK(find_fault(x) == "reason: must be there for several ids");
  x.reason = "cancelled";
  CHECK_FALSE(find_fault(x));
  x.act = operator_act{id_of(9), "anna", "--status parked"};
  CHECK_FALSE(find_fault(x));
  x.act->who = "";
  CHECK(find_fault(x) == "act.who: must not be empty");
  x.act->who = std::string(limits::max_operator + 1, 'x');
  CHECK(find_fault(x).value().starts_with("act.who: "));
  x.act = operator_act{};
  x.act->what = std::string(limits::max_audit_text + 1, 'x');
  CHECK(find_fault(x).value().starts_with("act.what: "));
  x.act->what = "a\xff";
  CHECK(find_fault(x).value().starts_with("act.what: "));
  x.act = operator_act{};
  x.act->reason = "";
  CHECK(find_fault(x) == "act.reason: must not be empty");
  x.act = operator_act{tracked_operation_id{}, std::nullopt, std::nullopt};
  CHECK(find_fault(x).value().starts_with("act.id: "));
  x.act.reset();
  x.ids.assign(257, id_of(1));
  CHECK(find_fault(x).value().starts_with("ids: their number"));
  CHECK(find_fault(requeue{.ids = {}}).value().starts_with("ids: their"));
  CHECK(parse_audit_verb("discard") == audit_verb::discard);
  CHECK_FALSE(parse_audit_verb("Discard"));
}

TEST_CASE("a question about the audit names verbs that there are") {
  list_audit x{.verbs = {audit_verb::requeue, audit_verb::purge}};
  CHECK_FALSE(find_fault(x));
  x.verbs[1] = static_cast<audit_verb>(num_audit_verbs);
  CHECK(find_fault(x) == "verbs[1]: must be 0 to 4, but is 5");
  x.verbs[1] = static_cast<audit_verb>(255);
  CHECK(find_fault(x).value().starts_with("verbs[1]: "));
}
