// Bootstrap: starting, stopping, and hosts of several shapes.

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>

#include <sys/stat.h>

#include "support/actors.hpp"
#include "support/captured_stdout.hpp"
#include "support/fault_vfs.hpp"
#include "waybill/operation_tracking_store.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

errc start_error(caf::actor_system& system, const options& x) {
  try {
    auto running = start(system, x);
  } catch (const store_error& e) {
    CHECK(std::string{e.what()}.find(x.file) != std::string::npos);
    return e.code();
  }
  return {};
}

// A message type of the host's own, beside waybill's.
struct host_message {
  std::int32_t value = 0;
  static constexpr const char* type_name = "host_message";
  static constexpr auto fields() {
    return std::tuple{field{"value", &host_message::value}};
  }
};

template <class Inspector>
auto inspect(Inspector& f, host_message& x) {
  return waybill::inspect(f, x);
}

std::string to_string(const host_message& x) {
  return std::to_string(x.value);
}

} // namespace

CAF_BEGIN_TYPE_ID_BLOCK(host, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(host, (host_message))

CAF_END_TYPE_ID_BLOCK(host)

namespace {

using host_actor = caf::typed_actor<handles<host_message, host_message>>;

// Answers with the next number.
class counting_host : public host_actor::base {
public:
  using super = host_actor::base;
  using super::super;

  behavior_type make_behavior() override {
    return {
      [](const host_message& x) { return host_message{x.value + 1}; },
    };
  }
};

// Answers with what another host actor answers.
class asking_host : public host_actor::base {
public:
  using super = host_actor::base;

  asking_host(caf::actor_config& config, host_actor other)
    : super{config}, other_{std::move(other)} {}

  behavior_type make_behavior() override {
    return {
      [this](const host_message& x) {
        auto to = this->make_response_promise<host_message>();
        waybill::request(this, other_, 10s, x)
          .then([to](const host_message& reply) mutable { to.deliver(reply); },
                [to](const caf::error& e) mutable { to.deliver(e); });
        return to;
      },
    };
  }

private:
  host_actor other_;
};

} // namespace

TEST_CASE("an actor system shuts down after its service without hanging") {
  temp_dir dir;
  const auto begin = std::chrono::steady_clock::now();
  {
    actor_config config;
    caf::actor_system system{config};
    options x;
    x.file = dir / "track.db";
    auto running = start(system, x);
    ask(system, running.tracker(), enqueue(1));
    // stop() is left to the destructor; the retention's timer is an hour away.
  }
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  operation_tracking_store store{{.file = dir / "track.db", .vfs = {}}};
  CHECK(store.get_status(status_of(1), t0).snapshot);
}

TEST_CASE_METHOD(actor_fixture, "a clean stop leaves one file and no log") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  CHECK(running.stop());
  CHECK(running.stop());
  const auto file = make_options().file;
  CHECK(std::filesystem::exists(file));
  CHECK_FALSE(std::filesystem::exists(file + "-wal"));
  CHECK_FALSE(std::filesystem::exists(file + "-shm"));
}

TEST_CASE_METHOD(actor_fixture, "a service can be moved") {
  auto first = start(system, make_options());
  auto second = std::move(first);
  CHECK(get(second.tracker(), enqueue(1)).outcome == enqueue_outcome::inserted);
  auto x = make_options();
  x.file = dir / "other.db";
  second = start(system, x);
  CHECK(get(second.tracker(), enqueue(1)).outcome == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(actor_fixture, "a host may run several trackers") {
  std::vector<service> all;
  for (int i = 0; i < 4; ++i) {
    auto x = make_options();
    x.file = (dir / ("track" + std::to_string(i) + ".db").c_str());
    all.push_back(start(system, x));
  }
  for (auto& each : all)
    CHECK(get(each.tracker(), enqueue(1)).outcome == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(actor_fixture, "a service starts and stops many times") {
  for (std::uint64_t n = 1; n <= 20; ++n) {
    auto running = start(system, make_options());
    CHECK(get(running.tracker(), enqueue(n)).outcome
          == enqueue_outcome::inserted);
    CHECK(get(running.tracker(), status_of(1)).snapshot);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "a service that has stopped keeps no thread, though someone "
                 "still holds its tracker") {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/task"},
                         {});
  };
  std::vector<tracking_actor> held;
  const auto start_and_stop = [&] {
    auto running = start(system, make_options());
    get(running.tracker(), enqueue(1));
    held.push_back(running.tracker());
  };
  start_and_stop(); // from here on CAF 1.1 uses its threads again
  start_and_stop();
  const auto before = threads();
  for (int i = 0; i < 8; ++i)
    start_and_stop();
  CHECK(eventually([&] { return threads() <= before + 2; }));
}

TEST_CASE("waybill lives beside a host's own messages") {
  struct host_config : caf::actor_system_config {
    host_config() {
      register_types(*this);
      register_types(*this); // harmless
      register_block<caf::id_block::host>(*this);
    }
  };
  temp_dir dir;
  host_config config;
  caf::actor_system system{config};
  options x;
  x.file = dir / "track.db";
  auto running = start(system, x);
  CHECK(ask(system, running.tracker(), enqueue(1)).outcome
        == enqueue_outcome::inserted);
  const host_actor counting = system.spawn<counting_host>();
  const host_actor asking = system.spawn<asking_host>(counting);
  caf::scoped_actor self{system};
  std::int32_t answer = 0;
  waybill::request(self, asking, 10s, host_message{41})
    .receive([&](const host_message& reply) { answer = reply.value; },
             [](const caf::error&) {});
  CHECK(answer == 42);
}

TEST_CASE("threads may configure actor systems of their own at a time") {
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      actor_fixture host;
      auto running = start(host.system, host.make_options());
      host.get(running.tracker(), enqueue(1));
      ++answered;
    });
  for (auto& each : threads)
    each.join();
  CHECK(answered == 8);
}

TEST_CASE("a service starts from the host's config file") {
  temp_dir dir;
  actor_config config;
  read_config(config, "waybill { file = \"" + (dir / "track.db") + "\" }\n");
  caf::actor_system system{config};
  auto running = start(system);
  CHECK(ask(system, running.tracker(), enqueue(1)).outcome
        == enqueue_outcome::inserted);
  CHECK(std::filesystem::exists((dir / "track.db")));
}

TEST_CASE_METHOD(actor_fixture,
                 "a file that cannot be a store is refused by name, and "
                 "nothing is changed") {
  auto x = make_options();

  x.file = dir.path().string();
  CHECK(start_error(system, x) == errc::store_unavailable);

  x.file = dir / "missing/track.db";
  CHECK(start_error(system, x) == errc::store_unavailable);

  x.file = dir / "text.txt";
  const std::string content = "not a database, but a text that is long enough "
                              "to be mistaken for something";
  std::ofstream{x.file} << content;
  CHECK(start_error(system, x) == errc::not_a_store);
  std::ifstream in{x.file};
  CHECK(std::string{std::istreambuf_iterator<char>{in}, {}} == content);
  CHECK_FALSE(std::filesystem::exists(x.file + "-lock"));

  x.file = dir / "readonly.db";
  { auto running = start(system, x); }
  ::chmod(x.file.c_str(), 0444);
  CHECK(start_error(system, x) == errc::store_unavailable);
}

TEST_CASE_METHOD(actor_fixture, "the files of a store are for the owner only") {
  const auto old_mask = ::umask(0);
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  ::umask(old_mask);
  for (const auto* suffix : {"", "-wal", "-shm", "-lock"}) {
    struct stat info {};
    REQUIRE(::stat((make_options().file + suffix).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "a stop that takes too long says what it has waited for") {
  auto x = make_options();
  x.stop_timeout = 50ms;
  SECTION("an attempt that does not end") {
    std::promise<void> enough;
    const auto end = enough.get_future().share();
    std::atomic<bool> running{false};
    auto tracks = start(system, x);
    const auto actor = tracks.spawn_store_and_forward(
      // By value: the attempt may still return when this test has.
      {.target = "a\nslow one"}, [&running, end](const forward_call&) {
        running = true;
        end.wait();
        return delivery_result{};
      });
    forward_call call;
    call.id = id_of(1);
    call.kind = "k";
    get(actor, call);
    REQUIRE(eventually([&] { return running.load(); }));
    CHECK_FALSE(tracks.stop());
    CHECK(heard.contain("store-and-forward \"a\\nslow one\" has not ended "
                        "within stop_timeout (50ms)"));
    enough.set_value();
  }
  SECTION("a disk that hangs") {
    std::promise<void> enough;
    const auto end = enough.get_future().share();
    std::atomic<bool> hangs{false};
    fault_vfs vfs;
    vfs.before = [&hangs, end](const io_call& call) {
      if (hangs && call.op == io_op::sync)
        end.wait();
      return SQLITE_OK;
    };
    x.vfs = vfs.name();
    auto tracks = start(system, x);
    hangs = true;
    caf::scoped_actor self{system};
    tell(self, tracks.tracker(), enqueue(1));
    std::this_thread::sleep_for(50ms);
    std::thread later{[&] {
      eventually([&] { return heard.contain("stop_timeout (50ms)"); });
      enough.set_value();
    }};
    CHECK_FALSE(tracks.stop());
    CHECK(heard.contain("the tracking actor has not ended"));
    later.join();
    // It has when the file is free; what it uses is gone after this.
    CHECK(eventually(
      [&] {
        try {
          store_options free;
          free.file = x.file;
          operation_tracking_store{free};
          return true;
        } catch (const store_error&) {
          return false;
        }
      },
      30s));
  }
}

namespace {

// What strangers may try to end an actor with.
void try_to_end(caf::actor_system& system, const caf::actor& x) {
  caf::scoped_actor self{system};
  tell(self, x, shut_down{});
  caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(x, caf::exit_reason::kill);
  tell(self, x, to_error(errc::store_corrupt, "from a stranger"));
  // It dies, and all to which it is linked get an exit message.
  const auto linked = system.spawn([x](caf::event_based_actor* dying) {
    dying->link_to(x);
    dying->quit(caf::exit_reason::kill);
  });
}

// The code that a message of a type is answered with that is none of `x`'s.
errc answer_to_nonsense(caf::actor_system& system, const caf::actor& x) {
  caf::scoped_actor self{system};
  auto code = errc::timed_out;
  waybill::request(self, x, 10s, std::int64_t{7})
    .receive([](const std::string&) {},
             [&](const caf::error& e) { code = to_failure(e).code; });
  return code;
}

} // namespace

TEST_CASE_METHOD(actor_fixture,
                 "nobody but their owner ends the actors of a service") {
  auto x = make_options();
  x.retention_delivered = 0ms;
  x.retention_interval = 100ms;
  auto running = start(system, x);
  const auto forwarder = running.spawn_store_and_forward(
    {}, [](const forward_call&) { return delivery_result{}; });
  get(running.tracker(), enqueue(1));
  for (const auto& actor :
       {caf::actor_cast<caf::actor>(running.tracker()),
        caf::actor_cast<caf::actor>(running.status_requests()),
        caf::actor_cast<caf::actor>(forwarder)}) {
    try_to_end(system, actor);
    CHECK(answer_to_nonsense(system, actor) == errc::invalid_request);
  }
  get(running.tracker(), enqueue(2));
  CHECK(get(running.status_requests(), status_of(2)).snapshot);
  CHECK(get(forwarder, get_backlog{}).calls == 0);
  const auto health = get(running.tracker(), get_health{});
  CHECK(health.restarts == 0);
  CHECK(health.state == health_state::ok);
  CHECK(heard.all().empty());
  CHECK(running.stop());
  CHECK(error_of(running.tracker(), enqueue(3)) == errc::stopped);
}

TEST_CASE_METHOD(actor_fixture,
                 "a message that no actor knows is not printed by CAF") {
  auto running = start(system, make_options());
  const auto forwarder = running.spawn_store_and_forward(
    {}, [](const forward_call&) { return delivery_result{}; });
  const captured_stdout captured;
  for (const auto& actor :
       {caf::actor_cast<caf::actor>(running.tracker()),
        caf::actor_cast<caf::actor>(running.status_requests()),
        caf::actor_cast<caf::actor>(forwarder)}) {
    caf::scoped_actor self{system};
    tell(self, actor, std::int64_t{7});
    tell(self, actor, caf::down_msg{self.address(), {}});
  }
  get(running.tracker(), enqueue(1));
  get(running.status_requests(), status_of(1));
  get(forwarder, get_backlog{});
  std::this_thread::sleep_for(20ms); // CAF prints in a thread of its own
  CHECK(captured.text().empty());
}
