// Many random operations, compared step by step with a map that obeys the
// contract by being simple.

#include <random>

#include "support/model.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct model_fixture : store_fixture {
  std::mt19937_64 random{seed_for("model")};
  model now_in; // what the store must show
  model before; // what it must show after a rollback
  timestamp now = t0;

  std::uint64_t any(std::uint64_t n) { return random() % n; }

  std::optional<std::string> any_text() {
    static const std::optional<std::string> texts[]
      = {std::nullopt, "", "a", "b \u00e9", "'; --", std::string(200, 'x')};
    return any(20) == 0 ? "unique " + std::to_string(random())
                        : texts[any(std::size(texts))];
  }

  std::optional<std::int32_t> any_http_status() {
    if (any(3) == 0)
      return std::nullopt;
    return 100 + static_cast<std::int32_t>(any(500));
  }

  tracked_operation_id any_id() { return id_of(1 + any(300)); }

  template <class Request, class Verb>
  void check(const Request& x, Verb verb) {
    const auto expected = now_in.apply(x, now);
    REQUIRE((store.*verb)(x, now) == expected);
  }

  void check_all() {
    for (std::uint64_t n = 1; n <= 300; ++n) {
      const auto at = now_in.rows.find(id_of(n));
      const auto found = snapshot_of(n, now);
      REQUIRE(found.has_value() == (at != now_in.rows.end()));
      if (found)
        REQUIRE(*found == at->second);
    }
    REQUIRE(store.get_counts(now) == now_in.apply(get_counts{}, now));
  }

  void step() {
    // Mostly forwards.
    now = now
          + (any(50) == 0 ? std::chrono::milliseconds{-5'000}
                          : std::chrono::milliseconds{any(100)});
    const auto dice = any(100);
    if (dice < 25) {
      check(record_enqueue{any_id(),
                           "kind " + std::to_string(any(6)),
                           any_text(),
                           any_text(),
                           any_text(),
                           any_text(),
                           {}},
            &operation_tracking_store::record_enqueue);
    } else if (dice < 50) {
      check(record_attempt{any_id(),
                           static_cast<tracking_status>(any(2)),
                           static_cast<std::int32_t>(any(9)),
                           any_text(),
                           any_http_status(),
                           {}},
            &operation_tracking_store::record_attempt);
    } else if (dice < 65) {
      check(record_terminal{any_id(),
                            static_cast<tracking_status>(2 + any(4)),
                            any_text(),
                            any_http_status(),
                            {}},
            &operation_tracking_store::record_terminal);
    } else if (dice < 78) {
      check(get_status{any_id(), {}}, &operation_tracking_store::get_status);
    } else if (dice < 80) {
      purge();
    } else if (dice < 85) {
      refuse();
    } else if (dice < 99) {
      transact();
    } else if (any(6) == 0) {
      restart_somehow();
    }
  }

  void purge() {
    purge_terminal x{now - std::chrono::milliseconds{any(20'000)}, {}, {}};
    if (any(2) == 0)
      x.status = static_cast<tracking_status>(2 + any(4));
    std::int64_t deleted = 0;
    for (bool finished = false; !finished;) {
      const auto step
        = store.purge_chunk(x, now, 1 + static_cast<std::int64_t>(any(100)),
                            std::chrono::seconds{1});
      deleted += step.deleted;
      finished = step.finished;
    }
    REQUIRE(purge_reply{deleted} == now_in.apply(x, now));
  }

  void refuse() {
    const auto bad = record_enqueue{
      any_id(), any(2) == 0 ? "" : "k\xff", any_text(), {}, {}, {}, {}};
    REQUIRE(error_of([&] { store.record_enqueue(bad, now); }).code
            == errc::invalid_request);
    const record_terminal late{any_id(),
                               tracking_status::failed,
                               {},
                               {},
                               now - std::chrono::microseconds{1}};
    REQUIRE(error_of([&] { store.record_terminal(late, now); }).code
            == errc::deadline_passed);
  }

  void transact() {
    if (!store.in_transaction()) {
      store.begin();
      before = now_in;
    } else if (any(4) == 0) {
      store.rollback();
      now_in = before;
    } else if (any(2) == 0) {
      store.commit();
    }
  }

  void restart_somehow() {
    if (store.in_transaction())
      now_in = before;
    if (any(3) == 0)
      store.recover();
    else
      restart();
    check_all();
  }
};

} // namespace

TEST_CASE_METHOD(model_fixture,
                 "20,000 random operations do what the contract says",
                 "[contract][promise-3][promise-5][promise-6]") {
  options.checkpoint_pages = 100; // from the first restart on
  for (int i = 0; i < 20'000; ++i) {
    CAPTURE(i);
    step();
    if (i % 1'000 == 999)
      check_all();
  }
  restart_somehow();
  store.close();
  CHECK(integrity_of(options.file) == "ok");
  CHECK_FALSE(now_in.rows.empty());
}
