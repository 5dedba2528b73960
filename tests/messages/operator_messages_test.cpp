// What operators' programs and a service say to each other: both ways, and what
// is refused.

#include "support/catch.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "waybill/operator_messages.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

std::string refusal_of(std::string_view line) {
  try {
    parse_operator_request(line);
  } catch (const operator_error& e) {
    CHECK(e.code() == errc::invalid_request);
    return e.what();
  }
  return "";
}

template <class Reply>
std::pair<errc, std::string> error_in(std::string_view line) {
  try {
    parse_operator_reply<Reply>(line);
  } catch (const operator_error& e) {
    return {e.code(), e.what()};
  }
  return {};
}

} // namespace

TEST_CASE("what an operator asks is the same after its line") {
  const std::vector<operator_request> all{
    status_of(1),
    get_counts{},
    get_health{},
    get_stats{},
    purge_terminal{.older_than = at(3),
                   .status = tracking_status::failed,
                   .deadline = std::nullopt},
    discard_many{.ids = {id_of(2)},
                 .reason = "two\nlines",
                 .act = operator_act{id_of(9), "anna", "--status parked"}},
    pause_target{"plant", "anna", "why"},
    resume_target{"plant", "anna", "it is back"},
    get_backlogs{},
    requeue{.ids = {id_of(3), id_of(4)}, .reason = "it is back"}};
  CHECK(all.size() == std::variant_size_v<operator_request>);
  for (const auto& x : all) {
    const auto line = to_operator_line(x);
    CAPTURE(line);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(parse_operator_request(line) == x);
  }
  CHECK(to_operator_line(get_health{})
        == R"({"ask":"get_health","waybill":2,"with":{}})");
}

TEST_CASE("an answer is a reply or an error") {
  const pause_reply reply{pause_outcome::unchanged, std::nullopt};
  CHECK(parse_operator_reply<pause_reply>(to_operator_reply(reply)) == reply);
  const backlogs_reply backlogs{
    {{"plant", {.calls = 2, .pause = target_pause{t0, "anna", "why"}}},
     {"mill", {.breaker = breaker_state::open, .open_until = at(5)}}}};
  CHECK(parse_operator_reply<backlogs_reply>(to_operator_reply(backlogs))
        == backlogs);
  CHECK(error_in<pause_reply>(to_operator_error(errc::store_full, "no room"))
        == std::pair{errc::store_full, std::string{"no room"}});
}

TEST_CASE("what a service of another version answers is unknown") {
  for (const auto* const line :
       {"", "x", "[]", "{}", R"({"waybill":1,"reply":{}})",
        R"({"waybill":2,"reply":{}})", R"({"waybill":2,"error":3})",
        R"({"waybill":"2","reply":{"outcome":"applied"}})",
        R"({"waybill":2,"error":{"code":"newer","message":"x"}})",
        R"({"waybill":2,"reply":{"outcome":"applied","more":1}})"}) {
    CAPTURE(line);
    CHECK(error_in<pause_reply>(line).first == errc::outcome_unknown);
  }
  CHECK(error_in<health_reply>(R"({"waybill":1,"reply":{}})").second
        == "the service's answer is not understood: of another version");
}

TEST_CASE("a line that asks nothing is refused with what is wrong") {
  CHECK(refusal_of("").find("expected") != std::string::npos);
  CHECK(refusal_of("[]") == "a line must be a JSON object");
  CHECK(refusal_of(R"({"ask":"get_health"})")
        == "waybill is missing: the version, 2");
  CHECK(refusal_of(R"({"waybill":1,"ask":"get_health"})")
        == "waybill must be 2, but is 1");
  CHECK(refusal_of(R"({"waybill":2})") == "ask is missing");
  CHECK(refusal_of(R"({"waybill":2,"ask":7})") == "ask must be a text");
  CHECK(refusal_of(R"({"waybill":2,"ask":"shut_down"})")
        == "ask must be one of get_status, get_counts, get_health, get_stats, "
           "purge_terminal, discard_many, pause_target, resume_target, "
           "get_backlogs, requeue, but is shut_down");
  CHECK(refusal_of(R"({"waybill":2,"ask":"get_health","with":{},"x\u001b":1})")
        == "x\\x1B is not expected");
  CHECK(refusal_of(R"({"waybill":2,"ask":"get_health","with":{"y":1}})")
          .starts_with("y"));
  CHECK(refusal_of(R"({"waybill":2,"ask":"discard_many","with":{"ids":["z"]}})")
          .starts_with("ids[0]"));
  CHECK(refusal_of(R"({"waybill":2,"waybill":2,"ask":"get_health"})") != "");
  CHECK(
    refusal_of(R"({"waybill":2,"ask":"get_health"})" + std::string(70'000, ' '))
    == "a line must have at most 65536 bytes, but has 70032");
}
