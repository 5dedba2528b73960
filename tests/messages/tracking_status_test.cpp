// Statuses and the other enums of the protocol: names both ways, and what a
// value that is no enumerator does.

#include "support/catch.hpp"
#include "waybill/errc.hpp"
#include "waybill/forward_messages.hpp"
#include "waybill/messages.hpp"

using namespace waybill;

namespace {

// Each name is read back as its value, and nothing else is read.
template <class Enum, class Parse>
void check_names(int first, int count, Parse parse) {
  for (int i = first; i < first + count; ++i) {
    const auto name = to_string(static_cast<Enum>(i));
    CAPTURE(name);
    CHECK(parse(name) == static_cast<Enum>(i));
    CHECK(parse(name + " ") == std::nullopt);
    CHECK(parse(name.substr(1)) == std::nullopt);
  }
  for (const auto number : {first + count, 200, 255}) {
    const auto text = to_string(static_cast<Enum>(number));
    CHECK(text == "invalid(" + std::to_string(number) + ")");
    CHECK(parse(text) == std::nullopt);
  }
  CHECK(parse("") == std::nullopt);
  CHECK(parse(std::string(1, '\0')) == std::nullopt);
}

} // namespace

TEST_CASE("the statuses have the contract's names", "[contract]") {
  CHECK(to_string(tracking_status::submitted) == "Submitted");
  CHECK(to_string(tracking_status::retrying) == "Retrying");
  CHECK(to_string(tracking_status::delivered) == "Delivered");
  CHECK(to_string(tracking_status::parked) == "Parked");
  CHECK(to_string(tracking_status::failed) == "Failed");
  CHECK(to_string(tracking_status::discarded) == "Discarded");
  CHECK(parse_tracking_status("submitted") == std::nullopt);
  CHECK(parse_tracking_status("RETRYING") == std::nullopt);
}

TEST_CASE("the numbers of the statuses never change: files hold them") {
  CHECK(static_cast<int>(tracking_status::submitted) == 0);
  CHECK(static_cast<int>(tracking_status::retrying) == 1);
  CHECK(static_cast<int>(tracking_status::delivered) == 2);
  CHECK(static_cast<int>(tracking_status::parked) == 3);
  CHECK(static_cast<int>(tracking_status::failed) == 4);
  CHECK(static_cast<int>(tracking_status::discarded) == 5);
}

TEST_CASE("the last four statuses are terminal, the first two in flight",
          "[contract]") {
  for (int i = 0; i < 256; ++i) {
    const auto status = static_cast<tracking_status>(i);
    CAPTURE(i);
    CHECK(is_valid(status) == (i < 6));
    CHECK(is_in_flight(status) == (i < 2));
    CHECK(is_terminal(status) == (i >= 2 && i < 6));
  }
}

TEST_CASE("every enumerator is read back from its name, and nothing else is") {
  check_names<tracking_status>(0, num_tracking_statuses, parse_tracking_status);
  check_names<errc>(1, num_errcs, parse_errc);
  check_names<enqueue_outcome>(0, num_enqueue_outcomes, parse_enqueue_outcome);
  check_names<update_outcome>(0, num_update_outcomes, parse_update_outcome);
  check_names<health_state>(0, num_health_states, parse_health_state);
  check_names<forward_outcome>(0, num_forward_outcomes, parse_forward_outcome);
  check_names<breaker_state>(0, num_breaker_states, parse_breaker_state);
  CHECK(to_string(static_cast<errc>(0)) == "invalid(0)");
}

TEST_CASE("promise 2, outcomes: every error says refused or unknown",
          "[promise-2]") {
  for (int i = 1; i <= num_errcs; ++i) {
    const auto code = static_cast<errc>(i);
    CAPTURE(to_string(code));
    const auto unknown = code == errc::outcome_unknown
                         || code == errc::tracker_gone
                         || code == errc::timed_out;
    CHECK((certainty_of(code) == certainty::unknown) == unknown);
  }
}

TEST_CASE("promise 2, outcomes: an error of a newer version is unknown",
          "[promise-2]") {
  for (int i = 0; i < 256; ++i)
    if (i == 0 || i > num_errcs)
      CHECK(certainty_of(static_cast<errc>(i)) == certainty::unknown);
}
