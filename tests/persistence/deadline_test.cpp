// Deadlines: a request that comes too late is refused and changes nothing.

#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr timestamp just_before{at(10).us() - 1};
constexpr timestamp just_after{at(10).us() + 1};

template <class Request>
Request due(Request x) {
  x.deadline = at(10);
  return x;
}

} // namespace

TEST_CASE_METHOD(store_fixture,
                 "up to its deadline, that moment included, a request runs",
                 "[contract]") {
  for (const auto now : {at(0), just_before, at(10)}) {
    const auto n = static_cast<std::uint64_t>(now.us());
    CHECK(store.record_enqueue(due(enqueue(n)), now).outcome
          == enqueue_outcome::inserted);
    CHECK(store.record_attempt(due(attempt(n, 1)), now).outcome
          == update_outcome::applied);
    CHECK(store.record_terminal(due(terminal(n)), now).outcome
          == update_outcome::applied);
    CHECK(store.get_status(due(status_of(n)), now).snapshot.has_value());
    CHECK(store.purge_terminal(due(purge_before(at(11))), now).deleted == 1);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "after its deadline a request is refused and stores nothing",
                 "[contract][promise-2]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_enqueue(enqueue(2), at(0));
  store.record_terminal(terminal(2), at(1));
  const auto before = content();
  for (const auto now : {just_after, at(1'000'000)}) {
    const auto refused = [&](const auto& verb) {
      expect_error(errc::deadline_passed, "deadline", verb);
      CHECK_FALSE(store.in_transaction());
    };
    refused([&] { store.record_enqueue(due(enqueue(3)), now); });
    refused([&] { store.record_attempt(due(attempt(1, 1)), now); });
    refused([&] { store.record_terminal(due(terminal(1)), now); });
    refused([&] { store.get_status(due(status_of(1)), now); });
    refused([&] { store.purge_terminal(due(purge_before(at(9))), now); });
  }
  CHECK(content() == before);
}

TEST_CASE_METHOD(store_fixture,
                 "a request that came too late leaves its batch standing",
                 "[promise-3]") {
  store.begin();
  store.record_enqueue(enqueue(1), just_after);
  expect_error(errc::deadline_passed, "deadline",
               [&] { store.record_enqueue(due(enqueue(2)), just_after); });
  store.record_enqueue(enqueue(3), just_after);
  store.commit();
  restart();
  CHECK(snapshot_of(1).has_value());
  CHECK(snapshot_of(2) == std::nullopt);
  CHECK(snapshot_of(3).has_value());
}

TEST_CASE_METHOD(store_fixture, "an invalid request is that, however late") {
  auto x = due(enqueue(1, ""));
  expect_error(errc::invalid_request, "kind",
               [&] { store.record_enqueue(x, just_after); });
}
