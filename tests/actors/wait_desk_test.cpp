// What a tracker reads for those who wait, and when. (How they are answered:
// query_test.cpp.)

#include "support/actors.hpp"
#include "support/fake_clock.hpp"
#include "waybill/wait_desk.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct desk_fixture : actor_fixture {
  fake_clock clock;
  wait_desk desk{4, clock.source()};
  caf::scoped_actor self{system};

  void add(std::vector<tracked_operation_id> ids,
           wait_mode mode = wait_mode::all_of) {
    await_terminal x;
    x.ids = std::move(ids);
    x.mode = mode;
    x.deadline = at(60);
    desk.add(x, {}, caf::actor_cast<caf::strong_actor_ptr>(self.address()));
  }

  /// All of what is to be read next is in flight.
  bool show_next() {
    const auto* const x = desk.next();
    if (x == nullptr)
      return false;
    wait_reply reply;
    for (const auto& id : x->ids) {
      auto shown = fresh(1, t0);
      shown.id = id;
      reply.operations.push_back({shown});
    }
    desk.show(std::move(reply));
    return true;
  }
};

} // namespace

TEST_CASE_METHOD(desk_fixture, "a wait is read when it begins, and when the "
                               "last of its operations has finished") {
  desk.note_finished(id_of(1)); // nobody waits yet
  CHECK_FALSE(desk.awaits_batch());
  add({id_of(1), id_of(2)});
  CHECK(desk.awaits_batch());
  CHECK(show_next());
  CHECK_FALSE(show_next());
  CHECK_FALSE(desk.awaits_batch());
  desk.note_finished(id_of(3));
  desk.note_finished(id_of(1));
  CHECK(desk.awaits_batch());
  CHECK(desk.next() == nullptr);
  desk.note_finished(id_of(2));
  REQUIRE(desk.next() != nullptr);
  CHECK(desk.size() == 1);
}

TEST_CASE_METHOD(desk_fixture,
                 "what an undone batch has finished ends no wait") {
  add({id_of(1), id_of(2)}, wait_mode::any_of);
  CHECK(show_next());
  desk.note_finished(id_of(1));
  desk.forget_finished();
  CHECK(desk.next() == nullptr);
  desk.note_finished(id_of(1)); // this time it is committed
  CHECK(desk.next() != nullptr);
}

TEST_CASE_METHOD(desk_fixture, "a wait is read at its deadline, woken by the "
                               "last message that was sent") {
  add({id_of(1)});
  CHECK(show_next());
  const auto first = desk.take_wake_up();
  REQUIRE(first); // after 10 s: none is left behind for longer
  CHECK_FALSE(desk.take_wake_up());
  clock.advance(10s);
  CHECK_FALSE(desk.wake(first->serial + 1));
  CHECK(desk.wake(first->serial));
  CHECK(desk.next() == nullptr);
  const auto second = desk.take_wake_up();
  REQUIRE(second);
  clock.advance(50s);
  CHECK_FALSE(desk.wake(first->serial)); // it comes again
  CHECK(desk.next() == nullptr);
  CHECK(desk.wake(second->serial));
  CHECK(desk.awaits_batch());
  CHECK(desk.next() != nullptr);
}

TEST_CASE_METHOD(desk_fixture, "all waits can be read again") {
  add({id_of(1)});
  add({id_of(2), id_of(3)});
  while (show_next())
    continue;
  desk.read_all_again();
  CHECK(show_next());
  CHECK(show_next());
  CHECK_FALSE(show_next());
  desk.note_finished(id_of(3)); // it is waited for as before
  desk.note_finished(id_of(1));
  REQUIRE(desk.next() != nullptr);
}

TEST_CASE_METHOD(desk_fixture, "waits of the dead are forgotten, which makes "
                               "room for others") {
  {
    const caf::scoped_actor mortal{system};
    await_terminal x;
    x.ids = {id_of(1), id_of(2), id_of(3), id_of(4)};
    desk.add(x, {}, caf::actor_cast<caf::strong_actor_ptr>(mortal.address()));
  }
  CHECK(eventually([&] {
    desk.forget_dead();
    return desk.size() == 0;
  }));
  add({id_of(5), id_of(6), id_of(7), id_of(8)});
  CHECK_THROWS_AS(add({id_of(9)}), store_error);
  CHECK(desk.size() == 1);
}
