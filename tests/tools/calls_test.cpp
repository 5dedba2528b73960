// What the command tells of calls that wait: targets, payloads, and when the
// next attempt of an operation is due.

#include <array>

#include "output/payload_text.hpp"
#include "output/text_width.hpp"
#include "support/calls.hpp"
#include "support/hostile.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/json.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;
using nlohmann::json;

namespace {

constexpr std::array<unsigned short, 3> usual_widths{60, 80, 120};

struct call_cli_fixture : cli_fixture {
  const timestamp now = timestamp::now();

  void open(const std::string& target = "plant",
            const target_bounds& bounds = {}) {
    store.calls().open_target({target, bounds, 3, {}}, now);
  }

  // Taken three hours ago.
  call_head take(std::uint64_t n, const std::string& target = "plant",
                 std::string payload = "payload") {
    return take(target, take_of(n, std::move(payload)));
  }

  call_head take(const std::string& target, take_call x) {
    x.target = target;
    return store.calls().take(x, now - 3h - 10s).head;
  }

  void park(const call_head& x) {
    store.calls().end(end_of(x, tracking_status::parked), now);
  }

  // One that is due, one that waits, one that has begun, one that is parked.
  void fill() {
    open();
    take(1);
    auto later = take_of(2);
    later.call.due = now + 2h + 10min;
    take("plant", later);
    store.calls().begin(begin_of(take(3)), now);
    park(take(4));
  }

  // What a terminal of that width shows.
  std::vector<std::string> shown(unsigned short columns,
                                 const std::vector<std::string>& words) {
    return lines_of(without_sequences(
      test::shown(options.file, columns, {.arguments = words})));
  }
};

} // namespace

// -- targets ------------------------------------------------------------------

TEST_CASE_METHOD(call_cli_fixture,
                 "targets of a store without any are an empty list") {
  const auto x = waybill({"targets"});
  CHECK(x.code == 0);
  CHECK(x.out.empty());
  CHECK(x.err.empty());
  CHECK(waybill({"targets", "--json"}).json()
        == json{{"targets", json::array()}});
  CHECK(lines_of(waybill({"targets", "--format", "csv"}).out).size() == 1);
  CHECK(shown(80, {"targets"})
        == std::vector<std::string>{
          "waybill: there are no targets: no call has been kept yet"});
}

TEST_CASE_METHOD(call_cli_fixture,
                 "targets shows what is due, has begun, waits and is kept") {
  fill();
  open("mill");
  const auto x = waybill({"targets"});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  CHECK(lines_of(x.out)
        == std::vector<std::string>{
          "target  calls  due  begun  later   next  oldest  bytes    bound  "
          "kept  kept bytes  kept bound  full",
          "plant       3    1      1      1  in 2h      3h   21 B  1.0 GiB     "
          "1         7 B     1.0 GiB   <1%",
          "mill        .    .      .      .                     .  1.0 GiB     "
          ".           .     1.0 GiB     ."});
}

TEST_CASE_METHOD(call_cli_fixture, "targets fit the terminal") {
  fill();
  open("POST https://plant.example/mes/work-orders",
       {.max_calls = 2'000'000, .max_bytes = std::int64_t{64} << 30});
  for (std::uint64_t n = 10; n < 20; ++n)
    take(n, "POST https://plant.example/mes/work-orders",
         std::string(100'000, 'x'));
  for (const auto columns : usual_widths) {
    CAPTURE(columns);
    for (const auto& line : shown(columns, {"targets"})) {
      CAPTURE(line);
      CHECK(cli::width_of(line) <= columns);
    }
  }
  const auto lines = [&](unsigned short columns) {
    return shown(columns, {"targets"});
  };
  CHECK(lines(60)
        == std::vector<std::string>{
          "target          calls  due  begun  later  oldest  kept  full",
          "plant               3    1      1      1      3h     1   <1%",
          "POST h…-orders     10   10      .      .      3h     .   <1%"});
  CHECK(
    lines(80)
    == std::vector<std::string>{
      "target            calls  due  begun  later   next  oldest      bytes "
      " kept  full",
      "plant                 3    1      1      1  in 2h      3h       21 B "
      "    1   <1%",
      "POST ht…k-orders     10   10      .      .             3h  976.6 KiB "
      "    .   <1%"});
  CHECK(
    lines(120)
    == std::vector<std::string>{
      "target                  calls  due  begun  later   next  oldest      "
      "bytes     bound  kept  kept bytes  kept bound  full",
      "plant                       3    1      1      1  in 2h      3h      "
      " 21 B   1.0 GiB     1         7 B     1.0 GiB   <1%",
      "POST https…work-orders     10   10      .      .             3h  "
      "976.6 KiB  64.0 GiB     .           .     1.0 GiB   <1%"});
}

TEST_CASE_METHOD(call_cli_fixture,
                 "a target at its bound is said to take no calls") {
  const std::string name(70, 'n');
  open(name, {.max_calls = 2, .max_bytes = 1'000});
  take(1, name);
  CHECK(waybill({"targets"}).out.find("takes no calls") == std::string::npos);
  CHECK(waybill({"targets"}).says("50%"));
  take(2, name);
  open("plant", {.max_kept_calls = 1});
  park(take(3));
  const auto x = waybill({"targets"});
  CHECK(x.code == 0);
  CHECK(x.says("100%"));
  CHECK(x.says("  " + name + " takes no calls: max_calls is 2\n"));
  CHECK(x.says("  plant takes no calls: max_kept_calls is 1\n"));
  for (const auto columns : usual_widths) {
    const auto lines = shown(columns, {"targets"});
    REQUIRE(lines.size() == 6);
    CHECK(lines[4].ends_with("n takes no calls: max_calls is 2"));
    for (const auto& line : lines)
      CHECK(cli::width_of(line) <= columns);
  }
  const auto all = waybill({"targets", "--json"}).json()["targets"];
  REQUIRE(all.size() == 2);
  CHECK(all[0]["full"].get<std::string>().ends_with(
    "2 calls with 14 bytes wait already; max_calls is 2, max_bytes 1000"));
  CHECK(all[1]["max_kept_calls"] == 1);
}

TEST_CASE_METHOD(call_cli_fixture, "targets as data have every field") {
  fill();
  const auto x = waybill({"targets", "--json"}).json()["targets"];
  REQUIRE(x.size() == 1);
  CHECK(x[0]
        == json{{"name", "plant"},
                {"calls", 3},
                {"due", 1},
                {"scheduled", 1},
                {"begun", 1},
                {"bytes", 21},
                {"kept_calls", 1},
                {"kept_bytes", 7},
                {"max_calls", 1'000'000},
                {"max_bytes", 1'073'741'824},
                {"max_kept_calls", 1'000'000},
                {"max_kept_bytes", 1'073'741'824},
                {"next_due", to_string(now + 2h + 10min)},
                {"oldest", to_string(now - 3h - 10s)},
                {"full", nullptr},
                {"paused_since", nullptr},
                {"paused_by", nullptr},
                {"pause_reason", nullptr},
                {"service", nullptr}});
  const auto csv = lines_of(waybill({"targets", "--format", "csv"}).out);
  REQUIRE(csv.size() == 2);
  CHECK(csv[0].starts_with("name,calls,due,scheduled,begun,bytes,"));
  CHECK(csv[1].starts_with("plant,3,1,1,1,21,1,7,1000000,"));
  CHECK(waybill({"targets", "--json", "--format", "csv"}).code == 2);
}

TEST_CASE_METHOD(call_cli_fixture, "a target's name steers no terminal") {
  for (const auto& name : odd_texts)
    if (!name.empty())
      open(name);
  const auto x = waybill({"targets"});
  CHECK(x.code == 0);
  CHECK(x.out.find_first_of("\x1b\x07\x7f\r\t") == std::string::npos);
  CHECK(x.out.find("\u202E") == std::string::npos);
}

// -- payloads -----------------------------------------------------------------

TEST_CASE_METHOD(call_cli_fixture,
                 "payload shows what a call sends, and steers no terminal") {
  open();
  take(1, "plant", "{\"a\": \"C:\\\\x\",\r\n\t\"b\": 1}");
  take(2, "plant", std::string{"a\x1b[2J\0\xff\r\u202e\u00e9\xc3", 14});
  take(3, "plant", "");
  const auto shown_of = [&](std::uint64_t n) {
    const auto x = waybill({"payload", id_text(n)});
    CHECK(x.code == 0);
    CHECK(x.err.empty());
    return x.out;
  };
  CHECK(shown_of(1) == "{\"a\": \"C:\\\\x\",\n\t\"b\": 1}\n");
  CHECK(shown_of(2) == "a\\x1B[2J\\x00\\xFF\\r\\u{202E}\u00e9\\xC3\n");
  CHECK(shown_of(3).empty());
}

TEST_CASE_METHOD(call_cli_fixture,
                 "payload --raw and --output give the bytes as they are") {
  const std::string bytes{"a\0\xff\x1b\r\n", 6};
  open();
  take(1, "plant", bytes);
  CHECK(waybill({"payload", "--raw", id_text(1)}).out == bytes);
  const auto file = dir / "payload.bin";
  const auto x = waybill({"payload", id_text(1), "-o", file});
  CHECK(x.code == 0);
  CHECK(x.out == "wrote 6 bytes to " + file + "\n");
  CHECK(read_file(file) == bytes);
  CHECK_FALSE(std::filesystem::exists(file + ".part"));
  CHECK_FALSE(std::filesystem::exists(file + ".part.at"));
  // Nothing is replaced that nobody gave up, and never the store.
  write_file(file, "other");
  const auto again = waybill({"payload", id_text(1), "-o", file});
  CHECK(again.code == 2);
  CHECK(again.complains("is there already; --force replaces it"));
  CHECK(read_file(file) == "other");
  CHECK(waybill({"payload", id_text(1), "-o", file, "--force"}).code == 0);
  CHECK(read_file(file) == bytes);
  CHECK(waybill({"payload", id_text(1), "--force", "-o", options.file}).code
        == 2);
  CHECK(waybill({"payload", id_text(1), "--force"}).code == 2);
  CHECK(waybill({"payload", id_text(1), "--raw", "--json"}).code == 2);
  CHECK(waybill({"payload", id_text(1), "-o", file, "--json"}).code == 2);
}

TEST_CASE_METHOD(call_cli_fixture,
                 "payload says of what a host has encoded that it is so") {
  open();
  auto x = take_of(1, "\x01\x02");
  x.codec = "aes\x1b";
  take("plant", x);
  const auto told = waybill({"payload", id_text(1)});
  CHECK(told.code == 0);
  CHECK(told.out == "\\x01\\x02\n");
  CHECK(told.err
        == "waybill: the host has encoded it as aes\\x1B; these are the bytes "
           "as they are stored\n");
  const auto raw = waybill({"payload", "--raw", id_text(1)});
  CHECK(raw.out == "\x01\x02");
  CHECK(raw.complains("encoded"));
}

TEST_CASE_METHOD(call_cli_fixture, "payload says why there is none") {
  open();
  store.calls().end(end_of(take(1)), now);
  store.calls().end(end_of(take(2), tracking_status::discarded), now);
  store.record_enqueue(enqueue(3), now);
  const auto reason = [&](std::uint64_t n) {
    const auto x = waybill({"payload", id_text(n)});
    CHECK(x.code == 1);
    CHECK(x.out.empty());
    return x.err;
  };
  CHECK(reason(1)
        == "waybill: " + id_text(1)
             + " has no payload any more: it is Delivered, and one is kept "
               "until then\n");
  CHECK(reason(2)
        == "waybill: " + id_text(2)
             + " has no payload any more: it is Discarded, and one is kept "
               "until then\n");
  CHECK(reason(3)
        == "waybill: " + id_text(3)
             + " has no payload: it was recorded without its call\n");
  CHECK(reason(4)
        == "waybill: " + id_text(4)
             + " is not there: purged or never recorded\n");
  const auto file = dir / "payload.bin";
  CHECK(waybill({"payload", id_text(3), "-o", file}).code == 1);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE_METHOD(call_cli_fixture, "a payload as JSON loses no byte") {
  open();
  take(1, "plant", "{\"a\": \"\u00e9\"}");
  auto x = take_of(2, std::string{"a\0\xff\x1b", 4});
  x.codec = "aes";
  take("plant", x);
  store.record_enqueue(enqueue(3), now);
  CHECK(waybill({"payload", "--json", id_text(1)}).json()
        == json{{"id", id_text(1)},
                {"outcome", "found"},
                {"codec", nullptr},
                {"encoding", "utf-8"},
                {"payload", "{\"a\": \"\u00e9\"}"}});
  CHECK(waybill({"payload", "--json", id_text(2)}).json()
        == json{{"id", id_text(2)},
                {"outcome", "found"},
                {"codec", "aes"},
                {"encoding", "base64"},
                {"payload", "YQD/Gw=="}});
  const auto none = waybill({"payload", "--json", id_text(3)});
  CHECK(none.code == 1);
  CHECK(none.json()
        == json{{"id", id_text(3)},
                {"outcome", "never_kept"},
                {"codec", nullptr},
                {"encoding", nullptr},
                {"payload", nullptr}});
}

TEST_CASE("base64 is that of RFC 4648") {
  const std::vector<std::string> texts{
    "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (std::size_t n = 0; n < texts.size(); ++n)
    CHECK(cli::base64(std::string_view{"foobar"}.substr(0, n)) == texts[n]);
}

// -- statistics ---------------------------------------------------------------

TEST_CASE_METHOD(call_cli_fixture,
                 "stats and health tell of targets, for people, programs and "
                 "Prometheus") {
  CHECK_FALSE(waybill({"stats"}).says("ready"));
  CHECK(waybill({"stats", "--json"}).json()["targets"].empty());
  target_bounds bounds;
  bounds.max_kept_calls = 2;
  fill();
  open("plant", bounds);
  const auto text = waybill({"stats"});
  CHECK(text.says("kept bytes\n"));
  CHECK(text.says("plant"));
  const auto as_json = waybill({"stats", "--json"}).json();
  REQUIRE(as_json["targets"].size() == 1);
  const auto& plant = as_json["targets"][0];
  CHECK(plant["name"] == "plant");
  CHECK(plant["ready"] == 2); // one was interrupted by this opening
  CHECK(plant["scheduled"] == 1);
  CHECK(plant["begun"] == 0);
  CHECK(plant["bytes"] == 21);
  CHECK(plant["kept_calls"] == 1);
  CHECK(plant["kept_bytes"] == 7);
  CHECK(as_json["other_targets"] == 0);
  const auto samples = waybill({"stats", "--prometheus"});
  CHECK(samples.says(
    "waybill_target_calls{target=\"plant\",state=\"scheduled\"} 1\n"));
  CHECK(
    samples.says("waybill_target_bytes{target=\"plant\",state=\"kept\"} 7\n"));
  const auto health = waybill({"health", "--json"}).json();
  CHECK(health["findings"][4]["name"] == "target_bounds_percent");
  CHECK(health["findings"][4]["value"] == 50);
  CHECK(health["findings"][4]["ok"] == true);
  bounds.max_kept_calls = 1;
  open("plant", bounds);
  CHECK(waybill({"health", "--exit-code"}).code == 5);
}

TEST_CASE_METHOD(call_cli_fixture,
                 "a list shows when calls are due, and their attempts, if it "
                 "is asked to") {
  fill();
  store.record_enqueue(enqueue(5), now);
  const auto found = lines_of(
    waybill({"list", "--oldest-first", "--columns", "status,due,attempt"}).out);
  REQUIRE(found.size() == 6);
  CHECK(found[1].find("now") != std::string::npos);
  CHECK(found[1].ends_with("1"));
  CHECK(found[2].find("in 2h") != std::string::npos);
  CHECK(found[3].find("begun") != std::string::npos);
  CHECK(found[4].starts_with("Parked"));
  CHECK(found[4].ends_with("1"));
  CHECK(found[5].starts_with("Submitted"));
}

// -- operations ---------------------------------------------------------------

TEST_CASE_METHOD(call_cli_fixture,
                 "status tells when the next attempt is due") {
  fill();
  const auto line = [&](std::uint64_t n, const std::string& name) {
    for (auto& each : lines_of(waybill({"status", id_text(n)}).out))
      if (each.starts_with("  " + name + ' '))
        return each;
    return std::string{};
  };
  CHECK(line(1, "next attempt") == "  next attempt  1, due now");
  CHECK(line(2, "next attempt").starts_with("  next attempt  1, due 20"));
  CHECK(line(2, "next attempt").ends_with("(in 2 h)"));
  CHECK(line(3, "attempt") == "  attempt   1, begun");
  CHECK(line(3, "next attempt").empty());
  CHECK(line(4, "next attempt").empty());
  CHECK(line(4, "payload") == "  payload      7 B");
  CHECK(line(4, "kept for") == "  kept for     plant");
  // After a crash it is another one's turn.
  restart();
  open();
  CHECK(line(3, "next attempt") == "  next attempt  2, due now");
  CHECK(line(3, "interrupted") == "  interrupted   once");
}

TEST_CASE_METHOD(call_cli_fixture, "status has all of a call") {
  open();
  auto x = take_of(1);
  x.call.expires = now + 5h + 10s;
  x.call.priority = 3;
  x.call.order_key = "line\x1b 7";
  x.root = id_of(9);
  take("plant", x);
  const auto text = waybill({"status", id_text(1)});
  for (const std::string part :
       {"(in 5 h)", "  priority      3\n", "  order key     line\\x1B 7\n"})
    CHECK(text.says(part));
  CHECK(text.says("  sent as       " + id_text(9) + "\n"));
  const auto as_json = waybill({"status", "--json", id_text(1)}).json();
  CHECK(as_json["snapshot"]["status"] == "Submitted");
  CHECK(as_json["call"]
        == json{{"target", "plant"},
                {"state", "waiting"},
                {"attempt", 1},
                {"interruptions", 0},
                {"due", nullptr},
                {"expires", to_string(now + 5h + 10s)},
                {"priority", 3},
                {"order_key", "line\x1b 7"},
                {"root", id_text(9)},
                {"bytes", 7}});
}

TEST_CASE_METHOD(call_cli_fixture,
                 "a history tells when the payload of a parked call was "
                 "discarded, and why") {
  fill();
  CHECK(waybill({"history", "--json", id_text(4)})
          .json()["payload_discarded"]
          .is_null());
  store.record_terminal({.id = id_of(4),
                         .status = tracking_status::discarded,
                         .last_error = "not wanted",
                         .http_status = std::nullopt,
                         .deadline = std::nullopt},
                        now);
  const auto line = lines_of(waybill({"history", id_text(4)}).out).back();
  CHECK(line.find("(payload gone)") != std::string::npos);
  CHECK(line.ends_with("not wanted"));
  CHECK(
    waybill({"history", "--json", id_text(4)}).json()["payload_discarded"]["at"]
    == to_string(now));
  for (const auto columns : usual_widths)
    for (const auto& each : shown(columns, {"history", id_text(4)}))
      CHECK(cli::width_of(each) <= columns);
}

TEST_CASE_METHOD(call_cli_fixture,
                 "a history ends with the attempt that comes next") {
  fill();
  const auto last = [&](std::uint64_t n) {
    return lines_of(waybill({"history", id_text(n)}).out).back();
  };
  CHECK(last(1).find("attempt 1") != std::string::npos);
  CHECK(last(1).ends_with("(due now)"));
  CHECK(last(2).ends_with("(in 2 h)"));
  CHECK(last(3).ends_with("(begun)"));
  CHECK(last(4).find("Parked") != std::string::npos);
  CHECK(waybill({"history", "--json", id_text(3)}).json()["call"]["state"]
        == "begun");
  store.record_enqueue(enqueue(5), now);
  CHECK(waybill({"history", "--json", id_text(5)}).json()["call"].is_null());
  for (const auto columns : usual_widths)
    for (const auto& line : shown(columns, {"history", id_text(2)}))
      CHECK(cli::width_of(line) <= columns);
}

TEST_CASE_METHOD(call_cli_fixture,
                 "a purge takes payloads that are kept only if it is told to") {
  fill();
  store.record_enqueue(enqueue(9), now - 2h);
  store.record_terminal(terminal(9, tracking_status::parked), now - 1h);
  const auto due = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"purge", "--older-than", "0s", "--dry-run",
                                   "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return waybill(words).json()["due"];
  };
  CHECK(due({}) == 1);
  CHECK(due({"--with-payload"}) == 1);
  CHECK(due({"--with-payload", "--status", "failed"}) == 0);
  const auto wrong = waybill(
    {"purge", "--older-than", "0s", "--with-payload", "--status", "delivered"});
  CHECK(wrong.code == 2);
  CHECK(wrong.complains("--with-payload goes with --status Parked and Failed"));
  CHECK(waybill_alone({"purge", "--older-than", "0s"})
          .says("deleted 1 operation "));
  CHECK(snapshot_of(4));
  CHECK(waybill_alone({"purge", "--older-than", "0s", "--with-payload"})
          .says("deleted 1 operation "));
  CHECK_FALSE(snapshot_of(4));
  CHECK(total() == 3);
}

TEST_CASE_METHOD(call_cli_fixture,
                 "purge forgets nothing that a service may want to remember") {
  open();
  store.calls().end(end_of(take(1)), now - 1h);
  store.purge_terminal(purge_before(max_timestamp), now - 1h);
  store.calls().end(end_of(take(2)), now - 1h);
  store.close();
  // As many as there are with the bound that its host has.
  open_writer(options.file)
    .exec("INSERT INTO tombstone_run SELECT next_run, next, next + 20000000, "
          "1, 0, zeroblob(16), zeroblob(16), x'' FROM tombstone_bounds; "
          "UPDATE tombstone_bounds SET next = next + 20000000");
  CHECK(waybill_alone({"purge", "--older-than", "0s"})
          .says("deleted 1 operation "));
  CHECK(waybill({"status", "--json", id_text(1)}).json()["purged"]["status"]
        == "Delivered");
}

TEST_CASE_METHOD(call_cli_fixture, "status says what a purged call was") {
  open();
  store.calls().end(end_of(take(1)), now);
  store.purge_terminal(purge_before(max_timestamp), now + 1min);
  const auto x = waybill({"status", id_text(1)});
  CHECK(x.code == 1);
  CHECK(x.out.empty());
  CHECK(x.complains(id_text(1) + " was purged "));
  CHECK(x.complains(": Delivered "));
  const auto told = waybill({"status", "--json", id_text(1)}).json();
  CHECK(told["snapshot"].is_null());
  CHECK(told["purged"]["status"] == "Delivered");
  CHECK(told["purged"]["purged_at"] == to_string(now + 1min));
  CHECK(told["purged"]["successor"].is_null());
  SECTION("and stats how many there are, and since when all are remembered") {
    CHECK(waybill({"stats"}).says("purged, remembered"));
    const auto stats = waybill({"stats", "--json"}).json();
    CHECK(stats["tombstones"] == 1);
    CHECK(stats["remembered_since"].is_null());
    CHECK(waybill({"stats", "--prometheus"}).says("waybill_tombstones 1\n"));
    auto forgets = purge_before(min_timestamp);
    forgets.forget_before = now + 2min;
    store.purge_terminal(forgets, now + 3min);
    CHECK(waybill({"stats", "--json"}).json()["remembered_since"]
          == to_string(now + 1min));
  }
}
