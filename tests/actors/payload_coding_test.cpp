// Payloads that the host encodes before they are stored.

#include <set>
#include <stdexcept>

#include "support/forwarding.hpp"
#include "waybill/payload_coding.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Turns each letter by one; what a key of another name has encoded it does not
// know.
encode_function encode_with(const std::string& key) {
  return [key](std::string x) {
    for (auto& c : x)
      ++c;
    return encoded_payload{std::move(x), key};
  };
}

decode_function decode_with(const std::set<std::string>& keys) {
  return [keys](std::string x,
                const std::string& key) -> std::optional<std::string> {
    if (!keys.contains(key))
      return std::nullopt;
    for (auto& c : x)
      --c;
    return x;
  };
}

forward_options coded(const std::string& key,
                      const std::set<std::string>& known) {
  auto x = quick();
  x.encode = encode_with(key);
  x.decode = decode_with(known);
  return x;
}

struct coding_fixture : actor_fixture {
  scripted_target target;

  store_and_forward_actor spawn(service& running, const forward_options& x) {
    return running.spawn_store_and_forward(x, target.function());
  }

  bool all_done(const store_and_forward_actor& actor) {
    return eventually([&] { return get(actor, get_backlog{}).calls == 0; });
  }

  payload_reply stored(std::uint64_t n) {
    return store_reader{make_options().file}.get_payload(
      {.id = id_of(n), .deadline = std::nullopt});
  }

  tracking_status_snapshot row(service& running, std::uint64_t n) {
    return get(running.tracker(), status_of(n)).snapshot.value();
  }

  // Takes call 1 and stops before it is delivered.
  void leave_behind(const forward_options& x) {
    auto running = start(system, make_options());
    auto far = call(1);
    far.due = timestamp::now() + std::chrono::hours{1};
    const auto actor = spawn(running, x);
    CHECK(get(actor, far).outcome == forward_outcome::accepted);
    CHECK(running.stop());
    CHECK(target.calls().empty());
  }

  // Starts again when it is due.
  service start_later() {
    auto later = make_options();
    later.clock.wall = [] { return timestamp::now() + std::chrono::hours{2}; };
    return start(system, later);
  }

  static forward_options at_that_time(forward_options x) {
    x.clock.wall = [] { return timestamp::now() + std::chrono::hours{2}; };
    return x;
  }

  void parks(const forward_options& x, const std::string& reason) {
    leave_behind(coded("key 1", {"key 1"}));
    auto running = start_later();
    const auto actor = spawn(running, at_that_time(x));
    REQUIRE(all_done(actor));
    CHECK(row(running, 1).status == tracking_status::parked);
    CHECK(row(running, 1).last_error == reason);
    CHECK(row(running, 1).http_status == std::nullopt);
    CHECK(target.calls().empty());
    CHECK(get(running.tracker(), get_target{x.target}).kept_calls == 1);
    CHECK(running.stop());
    CHECK(stored(1).codec == "key 1");
    CHECK(stored(1).payload == "qbzmpbe!2");
  }
};

} // namespace

TEST_CASE_METHOD(coding_fixture,
                 "what the host makes of a payload is stored, with the name "
                 "that it gives it, and the target gets the payload") {
  leave_behind(coded("key 1", {"key 1"}));
  CHECK(stored(1).codec == "key 1");
  CHECK(stored(1).payload == "qbzmpbe!2");
  auto running = start_later();
  const auto actor = spawn(running, at_that_time(coded("key 1", {"key 1"})));
  REQUIRE(all_done(actor));
  // One that begins with its recording is encoded and decoded, too.
  CHECK(get(actor, call(2)).outcome == forward_outcome::accepted);
  REQUIRE(all_done(actor));
  REQUIRE(target.calls().size() == 2);
  CHECK(target.calls()[0].payload == "payload 1");
  CHECK(target.calls()[1].payload == "payload 2");
  CHECK(running.stop());
}

TEST_CASE_METHOD(coding_fixture,
                 "a key can be replaced while calls wait that an older one has "
                 "encoded, or none") {
  leave_behind(coded("key 1", {"key 1"}));
  auto running = start_later();
  const auto actor = spawn(running,
                           at_that_time(coded("key 2", {"key 1", "key 2"})));
  get(actor, call(2));
  REQUIRE(all_done(actor));
  REQUIRE(target.calls().size() == 2);
  for (const auto& x : target.calls())
    CHECK(x.payload == (x.id == id_of(1) ? "payload 1" : "payload 2"));
  CHECK(running.stop());
}

TEST_CASE_METHOD(coding_fixture,
                 "calls that were taken before payloads were encoded are "
                 "delivered as they are") {
  leave_behind(quick());
  CHECK(stored(1).codec == std::nullopt);
  auto running = start_later();
  const auto actor = spawn(running, at_that_time(coded("key 1", {"key 1"})));
  REQUIRE(all_done(actor));
  REQUIRE(target.calls().size() == 1);
  CHECK(target.calls().front().payload == "payload 1");
  CHECK(running.stop());
}

TEST_CASE_METHOD(coding_fixture,
                 "a payload that cannot be decoded is parked with the reason, "
                 "and never handed to the target",
                 "[promise-12]") {
  SECTION("because its key is unknown") {
    parks(coded("key 2", {"key 2"}), "its payload cannot be decoded (key 1)");
  }
  SECTION("because nobody decodes") {
    parks(quick(), "its payload cannot be decoded (key 1): no function does "
                   "that here");
  }
  SECTION("because decoding throws") {
    auto x = quick();
    x.decode = [](const std::string&,
                  const std::string&) -> std::optional<std::string> {
      throw std::runtime_error{"a bad tag"};
    };
    parks(x, "its payload cannot be decoded (key 1): a bad tag");
  }
  SECTION("because it throws anything") {
    auto x = quick();
    x.decode = [](const std::string&,
                  const std::string&) -> std::optional<std::string> {
      throw 42;
    };
    parks(x, "its payload cannot be decoded (key 1): the function threw what "
             "is no std::exception");
  }
}

TEST_CASE_METHOD(coding_fixture,
                 "bounds count what is stored, not what was sent",
                 "[promise-15]") {
  auto running = start(system, make_options());
  target.close();
  auto x = coded("short", {"short"});
  x.max_payload = 16;
  x.encode = [](const std::string& plain) {
    return encoded_payload{plain.substr(0, plain.size() / 1'000), "short"};
  };
  const auto actor = spawn(running, x);
  auto sent = call(1);
  sent.payload = std::string(16'000, 'x');
  CHECK(get(actor, sent).outcome == forward_outcome::accepted);
  CHECK(get(running.tracker(), get_target{x.target}).bytes == 16);
  sent = call(2);
  sent.payload = std::string(17'000, 'x');
  CHECK(error_of(actor, sent) == errc::invalid_request);
  target.open();
  REQUIRE(all_done(actor));
  CHECK(running.stop());
}

TEST_CASE_METHOD(coding_fixture,
                 "a payload that cannot be encoded, or not with that name, is "
                 "refused, and nothing is recorded") {
  auto running = start(system, make_options());
  auto x = quick();
  x.encode = [](const std::string& plain) -> encoded_payload {
    if (plain.empty())
      throw std::runtime_error{"no key\x1b"};
    if (plain.size() == 1)
      throw 42;
    return {plain, std::string(limits::max_codec + 1, 'x')};
  };
  const auto actor = spawn(running, x);
  const auto refusal = [&](const std::string& payload) {
    auto sent = call(1);
    sent.payload = payload;
    try {
      get(actor, sent);
    } catch (const request_error& e) {
      CHECK(e.code() == errc::invalid_request);
      return std::string{e.what()};
    }
    return std::string{"accepted"};
  };
  CHECK(refusal("").find("payload: cannot be encoded: no key\\x1B")
        != std::string::npos);
  CHECK(refusal("x").find("payload: cannot be encoded: the function threw")
        != std::string::npos);
  CHECK(refusal("xx").find("codec: ") != std::string::npos);
  CHECK_FALSE(get(running.tracker(), status_of(1)).snapshot);
  CHECK(running.stop());
}

TEST_CASE_METHOD(forward_fixture,
                 "an attempt whose payload cannot be decoded tells the breaker "
                 "nothing") {
  auto x = quick();
  x.breaker_failure_ratio = 0.5;
  x.breaker_min_attempts = 1;
  x.breaker_first_pause = 1h;
  x.breaker_max_pause = 1h;
  x.max_concurrency = 1;
  x.max_attempts = 1;
  x.encode = [](const std::string& plain) {
    encoded_payload stored{.bytes = plain};
    if (plain == "payload 2")
      stored.codec = "lost";
    return stored;
  };
  const auto actor = spawn(by_clock(x));
  target.set(1, {busy});
  get(actor, call(1)); // opens it
  REQUIRE(ends_as(1, tracking_status::parked));
  REQUIRE(get(actor, get_backlog{}).breaker == breaker_state::open);
  get(actor, call(2));
  pass(actor, 1h); // the probe's turn
  REQUIRE(ends_as(2, tracking_status::parked));
  settle(actor);
  CHECK(get(actor, get_backlog{}).breaker != breaker_state::closed);
  CHECK(target.attempts(2) == 0);
  get(actor, call(3)); // another one tries
  REQUIRE(ends_as(3, tracking_status::delivered));
  CHECK(eventually([&] {
    return get(actor, get_backlog{}).breaker == breaker_state::closed;
  }));
}
