// Messages between nodes: what is inspected on one side arrives on the other.

#include <caf/io/all.hpp>

#include "support/actors.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// An actor system that speaks to others. CAF 1 has an initialisation that CAF
// 0.17 has not.
class node_config : public actor_config {
public:
  node_config() {
    init<caf::io::middleman>();
    load<caf::io::middleman>();
  }

private:
  template <class Middleman>
  static void init() {
    if constexpr (requires { Middleman::init_global_meta_objects(); })
      Middleman::init_global_meta_objects();
  }
};

struct node {
  node_config config;
  caf::actor_system system{config};
};

} // namespace

TEST_CASE("every field of a request and of a reply crosses the network, and "
          "errors do") {
  temp_dir dir;
  fake_clock clock;
  // The one that asks ends first: while the other ends, CAF 0.17 may keep its
  // actors alive for a connection, and then waits for their threads for ever.
  node far;
  node near;
  options x;
  x.file = dir / "track.db";
  x.clock = clock.source();
  auto running = start(far.system, x);
  const auto port = far.system.middleman().publish(running.tracker(), 0,
                                                   "127.0.0.1");
  REQUIRE(port);
  const auto tracker
    = near.system.middleman().remote_actor<tracking_actor>("127.0.0.1", *port);
  REQUIRE(tracker);
  const auto get = [&](auto request) {
    return ask(near.system, *tracker, std::move(request));
  };

  CHECK(get(enqueue(1)).outcome == enqueue_outcome::inserted);
  CHECK(get(status_of(1)).snapshot == fresh(1, t0));
  CHECK_FALSE(get(status_of(2)).snapshot);
  record_enqueue bare;
  bare.id = id_of(3);
  bare.kind = "bare";
  CHECK(get(bare).outcome == enqueue_outcome::inserted);
  CHECK_FALSE(get(status_of(3)).snapshot->target_summary);
  CHECK(get(attempt(1, 4)).outcome == update_outcome::applied);
  CHECK(get(terminal(1, tracking_status::parked)).outcome
        == update_outcome::applied);
  CHECK(get(terminal(1)).outcome == update_outcome::already_terminal);
  const auto found = get(status_of(1)).snapshot;
  REQUIRE(found);
  CHECK(found->status == tracking_status::parked);
  CHECK(found->retry_count == 4);
  CHECK(found->http_status == 200);
  CHECK(found->terminal_at == t0);
  CHECK(get(get_counts{}).counts.size() == 2);
  CHECK(get(get_health{}).since == t0);
  clock.advance(1s);
  CHECK(get(purge_terminal{at(1), tracking_status::parked, at(9)}).deleted
        == 1);

  auto late = enqueue(5);
  late.deadline = t0;
  try {
    get(late);
    FAIL("the deadline did not arrive");
  } catch (const request_error& e) {
    CHECK(e.code() == errc::deadline_passed);
    CHECK(std::string{e.what()}.find("not stored") != std::string::npos);
  }
}
