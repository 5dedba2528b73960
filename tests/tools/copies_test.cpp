// `export`, `import`, `backup` and `check`, end to end.

#include <sys/stat.h>

#include <chrono>
#include <set>
#include <thread>

#include "support/hostile.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/json.hpp"
#include "waybill/queries.hpp"
#include "waybill/store_reader.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;
using nlohmann::json;

namespace {

std::vector<std::string> ids_in(const std::string& lines) {
  std::vector<std::string> ids;
  for (const auto& line : json_lines(lines))
    ids.push_back(line["snapshot"]["id"].get<std::string>());
  return ids;
}

// What a reader sees of a store: records without their numbers, which are a
// store's own.
std::vector<operation_record> records_of(const std::string& file) {
  store_reader reader{file};
  list_operations request;
  request.order = list_order::oldest_first;
  request.full = true;
  request.page_size = limits::max_page_size;
  std::vector<operation_record> records;
  do {
    const auto page = reader.list(request, 1s);
    for (const auto& each : page.operations) {
      auto history = reader.get_history({each.id, std::nullopt});
      for (auto& step : history.transitions)
        step.number = 0;
      records.push_back({each, history.transitions});
    }
    request.cursor = page.next_cursor;
  } while (request.cursor);
  return records;
}

// Runs the command where no file may get larger than so many 512-byte blocks.
cli_result run_limited(const std::string& file, int blocks,
                       const std::vector<std::string>& arguments) {
  program::setting x{
    .arguments = {"-c", "ulimit -f " + std::to_string(blocks) + "; exec \"$@\"",
                  "sh", WAYBILL_COMMAND, "--db", file}};
  x.arguments.insert(x.arguments.end(), arguments.begin(), arguments.end());
  program running{"/bin/sh", x};
  return end_of(running);
}

// A pipe that nobody reads yet.
struct full_pipe {
  full_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::runtime_error{"cannot make a pipe"};
    from.emplace(ends[0]);
    to.emplace(ends[1]);
  }

  // Waits until its writer has to wait.
  void await_full() const {
    for (int last = -1, now = 0; last != now || now == 0;
         std::this_thread::sleep_for(50ms)) {
      last = now;
      ::ioctl(from->get(), FIONREAD, &now);
    }
  }

  // All that is in it until its writers have gone.
  std::string drain() {
    to.reset();
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0;
         (got = ::read(from->get(), buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(got));
    return all;
  }

  std::optional<descriptor> from;
  std::optional<descriptor> to;
};

} // namespace

TEST_CASE_METHOD(cli_fixture, "an export imported is the same store") {
  std::uint64_t n = 0;
  for (const auto& text : odd_texts) {
    auto request = enqueue(++n, text);
    request.target_summary = text;
    store.record_enqueue(request, at(static_cast<std::int64_t>(n)));
    auto failed = attempt(n, 1);
    failed.last_error = text;
    store.record_attempt(failed, at(static_cast<std::int64_t>(n) + 100));
    if (n % 3 == 0)
      store.record_terminal(terminal(n, tracking_status::parked), at(500));
  }
  const auto exported = waybill({"export", "-o", dir / "all.jsonl"});
  CHECK(exported.code == 0);
  CHECK(exported.out
        == "exported " + std::to_string(n) + " operations to "
             + (dir / "all.jsonl") + '\n');
  CHECK(mode_of(dir / "all.jsonl") == 0600);

  const auto copy = dir / "copy.db";
  const auto imported = run_waybill(copy, {"import", dir / "all.jsonl"});
  CHECK(imported.code == 0);
  CHECK(imported.out
        == std::to_string(n) + " imported, 0 were there already\n");
  CHECK(records_of(copy) == records_of(options.file));
  CHECK(run_waybill(copy, {"check"}).code == 0);

  const auto again
    = run_waybill(copy, {"import", "--json", dir / "all.jsonl"}).json();
  CHECK(again["imported"] == 0);
  CHECK(again["duplicates"] == n);
  CHECK(again["finished"] == true);
}

TEST_CASE_METHOD(cli_fixture,
                 "an export goes by the filter to standard output") {
  record(5);
  store.record_terminal(terminal(2), at(50));
  store.record_terminal(terminal(4), at(60));
  const auto x = waybill({"export", "--status", "finished"});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  CHECK(ids_in(x.out) == std::vector{id_text(2), id_text(4)});
  CHECK(json_lines(x.out)[0]["transitions"].size() == 2);
}

TEST_CASE_METHOD(cli_fixture, "an export overwrites only what it may") {
  record(3);
  write_file(dir / "out", "mine\n");
  const auto refused = waybill({"export", "-o", dir / "out"});
  CHECK(refused.code == 2);
  CHECK(refused.complains("is there already; --force replaces it"));
  CHECK(read_file(dir / "out") == "mine\n");
  CHECK(waybill({"export", "-o", dir / "out", "--force"}).code == 0);
  CHECK(ids_in(read_file(dir / "out")).size() == 3);
  CHECK_FALSE(std::filesystem::exists(dir / "out.part"));

  const auto before = records_of(options.file);
  for (const auto& file :
       {options.file, options.file + "-wal", options.file + "-lock"}) {
    const auto x = waybill({"export", "--force", "-o", file});
    CHECK(x.code == 2);
    CHECK(x.complains("belongs to the store itself"));
  }
  CHECK(records_of(options.file) == before);
}

TEST_CASE_METHOD(cli_fixture,
                 "a stopped export to a pipe leaves whole lines and "
                 "goes on") {
  record(2'000);
  full_pipe pipe;
  auto exporting = start_waybill(options.file,
                                 {.arguments = {"export", "--since", "36500d"},
                                  .stdout_fd = pipe.to->get()});
  pipe.await_full();
  exporting.signal(SIGINT);
  const auto first = pipe.drain();
  CHECK(exporting.wait() == 130);
  const auto cursor = cursor_in(exporting.err());
  REQUIRE_FALSE(cursor.empty());
  auto ids = ids_in(first);
  CHECK(ids.size() > 0);
  CHECK(ids.size() < 2'000);
  const auto rest
    = waybill({"export", "--since", "36500d", "--cursor", cursor});
  CHECK(rest.code == 0);
  for (const auto& id : ids_in(rest.out))
    ids.push_back(id);
  CHECK(ids.size() == 2'000);
  CHECK(std::set(ids.begin(), ids.end()).size() == 2'000);
}

TEST_CASE_METHOD(cli_fixture,
                 "an export that meets a full disk keeps whole lines "
                 "and goes on") {
  record(2'000);
  const auto file = dir / "all.jsonl";
  const auto x = run_limited(options.file, 800, {"export", "-o", file});
  CHECK(x.code == 3);
  CHECK(x.complains("File too large"));
  CHECK_FALSE(std::filesystem::exists(file));
  const auto part = read_file(file + ".part");
  CHECK(part.ends_with('\n'));
  CHECK(ids_in(part).size() > 0);
  const auto cursor = cursor_in(x.err);
  REQUIRE_FALSE(cursor.empty());

  const auto refused = waybill({"export", "-o", file});
  CHECK(refused.code == 2);
  CHECK(refused.complains("go on with --cursor " + cursor));
  const auto done = waybill({"export", "-o", file, "--cursor", cursor});
  CHECK(done.code == 0);
  CHECK(done.says("exported 2000 operations to "));
  CHECK_FALSE(std::filesystem::exists(file + ".part.at"));
  const auto ids = ids_in(read_file(file));
  CHECK(ids.size() == 2'000);
  CHECK(std::set(ids.begin(), ids.end()).size() == 2'000);
  CHECK_FALSE(std::filesystem::exists(file + ".part"));
}

TEST_CASE_METHOD(cli_fixture,
                 "an export that fails in the audit goes on with its last "
                 "page") {
  record(300);
  store.calls().open_target({"plant", {}, 3, {}}, at(1));
  store.calls().pause({"plant", "anna", std::string(4'000, 'x')}, at(2));
  REQUIRE(waybill({"export", "-o", dir / "whole.jsonl"}).code == 0);
  const auto whole = read_file(dir / "whole.jsonl");
  const auto operations = whole.find("{\"audit\"");
  REQUIRE(operations < whole.size());
  const auto file = dir / "all.jsonl";
  const auto x = run_limited(options.file,
                             static_cast<int>(operations / 512 + 1),
                             {"export", "-o", file});
  CHECK(x.code == 3);
  const auto cursor = cursor_in(x.err);
  REQUIRE_FALSE(cursor.empty());
  CHECK(x.complains("200 operations are in "));
  const auto done = waybill({"export", "-o", file, "--cursor", cursor});
  CHECK(done.says("exported 300 operations to "));
  CHECK(read_file(file) == whole);
}

TEST_CASE_METHOD(cli_fixture,
                 "an export goes on only where its part is whole") {
  record(2'000);
  const auto file = dir / "all.jsonl";
  const auto x = run_limited(options.file, 800, {"export", "-o", file});
  const auto cursor = cursor_in(x.err);
  REQUIRE_FALSE(cursor.empty());
  const auto go_on = [&] {
    return waybill({"export", "-o", file, "--cursor", cursor});
  };
  SECTION("the part is gone") {
    std::filesystem::remove(file + ".part");
    CHECK(go_on().complains("there is no " + file + ".part to go on with"));
  }
  SECTION("the part is shorter") {
    std::filesystem::resize_file(file + ".part", 100);
    CHECK(go_on().complains("is shorter than it was"));
  }
  SECTION("the part is as long, with another byte") {
    auto part = read_file(file + ".part");
    part[part.size() / 2] ^= '\x01';
    write_file(file + ".part", part);
    CHECK(go_on().complains("has other bytes than it had"));
  }
  SECTION("what notes its place is gone") {
    std::filesystem::remove(file + ".part.at");
    CHECK(go_on().complains("does not say up to where it is whole"));
  }
  SECTION("it went on from there already") {
    write_file(file + ".part.at", "1 1 1-2.3.4 00000000000000ff .\n");
    CHECK(go_on().complains("goes on with --cursor 1-2.3.4"));
  }
  CHECK(go_on().code == 2);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE_METHOD(cli_fixture, "an export that was killed goes on") {
  record(8'000);
  const auto file = dir / "all.jsonl";
  {
    auto exporting = start_waybill(options.file,
                                   {.arguments = {"export", "-o", file}});
    while (exporting.is_running()
           && (!std::filesystem::exists(file + ".part")
               || std::filesystem::file_size(file + ".part") < 400'000))
      std::this_thread::sleep_for(1ms);
    exporting.signal(SIGKILL);
    exporting.wait();
  }
  REQUIRE_FALSE(std::filesystem::exists(file));
  const auto refused = waybill({"export", "-o", file});
  CHECK(refused.code == 2);
  auto cursor = cursor_in(refused.err);
  REQUIRE_FALSE(cursor.empty());
  cursor = cursor.substr(0, cursor.find(','));
  const auto x = waybill({"export", "-o", file, "--cursor", cursor});
  CHECK(x.code == 0);
  CHECK(x.says("exported 8000 operations to "));
  const auto ids = ids_in(read_file(file));
  CHECK(ids.size() == 8'000);
  CHECK(std::set(ids.begin(), ids.end()).size() == 8'000);
}

TEST_CASE_METHOD(cli_fixture,
                 "an export that has room for nothing leaves nothing") {
  record(500);
  const auto file = dir / "all.jsonl";
  CHECK(run_limited(options.file, 8, {"export", "-o", file}).code == 3);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK_FALSE(std::filesystem::exists(file + ".part"));
  CHECK_FALSE(std::filesystem::exists(file + ".part.at"));
}

// -- import -------------------------------------------------------------------

TEST_CASE_METHOD(cli_fixture,
                 "an import for which the file finds no room is refused") {
  record(20'000);
  const auto more = dir / "more.db";
  {
    operation_tracking_store other{options_for(more)};
    for (std::uint64_t n = 30'001; n <= 30'300; ++n)
      other.record_enqueue(enqueue(n), at(0));
  }
  write_file(dir / "in", run_waybill(more, {"export"}).out);
  store.close();
  const auto size = std::filesystem::file_size(options.file);
  const auto x = run_limited(options.file, static_cast<int>(size / 512),
                             {"import", dir / "in"});
  CHECK(x.code == 3);
  CHECK(x.complains("full"));
  CHECK(std::filesystem::file_size(options.file) == size);
  store = operation_tracking_store{options};
  CHECK(total() == 20'000);
}

TEST_CASE_METHOD(cli_fixture,
                 "a change that cannot be copied from the log into the file is "
                 "done, and says where it is") {
  record(20'000);
  store.close();
  const auto size = std::filesystem::file_size(options.file);
  const auto x
    = run_limited(options.file, static_cast<int>(size / 1'024),
                  {"discard", id_text(20'000), "--reason", "given up"});
  CHECK(x.code == 0);
  CHECK(x.says(" is discarded"));
  CHECK(x.complains("the write-ahead log cannot be copied into the file and "
                    "stays beside it, with nothing lost: "));
  CHECK(std::filesystem::file_size(options.file) == size);
  store = operation_tracking_store{options};
  CHECK(snapshot_of(20'000)->status == tracking_status::discarded);
  CHECK(waybill_alone({"vacuum"}).err.empty());
}

TEST_CASE_METHOD(cli_fixture, "a bad line stops an import with its number and "
                              "field") {
  record(3);
  auto lines = lines_of(waybill({"export"}).out);
  auto wrong = json::parse(lines[1]);
  wrong["snapshot"]["status"] = "Frob\x1b";
  lines[1] = wrong.dump();
  const auto text = lines[0] + "\n" + lines[1] + "\n\n" + lines[2] + "\n";
  write_file(dir / "in", text);

  const auto copy = dir / "copy.db";
  const auto x = run_waybill(copy, {"import", dir / "in"});
  CHECK(x.code == 2);
  CHECK(x.complains("line 2: snapshot.status: must be one of"));
  CHECK(x.complains("stopped: 1 imported"));
  CHECK(x.err.find('\x1b') == std::string::npos);
  CHECK(records_of(copy).size() == 1);

  const auto skipping = run_waybill(copy, {"import", "--skip-bad", dir / "in"});
  CHECK(skipping.code == 0);
  CHECK(skipping.says("1 imported, 1 were there already, 1 bad lines skipped"));
  CHECK(skipping.complains("line 2: snapshot.status"));
  CHECK(records_of(copy).size() == 2);
}

TEST_CASE_METHOD(cli_fixture,
                 "what no store could have written is a bad line") {
  record(1);
  auto line = json::parse(waybill({"export"}).out);
  auto twice = line.dump();
  twice.insert(twice.find("\"kind\""), "\"kind\":\"other\",");
  line["snapshot"]["retry_count"] = -1;
  for (const auto& text :
       {line.dump(), twice, std::string{"no JSON"}, std::string{"[]"},
        std::string{"{}"}, std::string(100'000, '['), std::string{"\xff"}}) {
    CAPTURE(text.substr(0, 100));
    const temp_dir folder;
    write_file(folder / "in", text + '\n');
    const auto x = run_waybill(folder / "copy.db", {"import", folder / "in"});
    CHECK(x.code == 2);
    CHECK(x.complains("line 1: "));
    CHECK(x.err.size() < 2'000);
    CHECK_FALSE(x.complains("json.exception"));
    CHECK_FALSE(std::filesystem::exists(folder / "copy.db-wal"));
    if (text == twice)
      CHECK(x.complains(".kind: is there twice"));
  }
}

TEST_CASE_METHOD(cli_fixture, "import reads standard input") {
  record(2);
  const auto text = waybill({"export"}).out;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"import"}, {"import", "-"}}) {
    const temp_dir folder;
    const auto x = run_waybill(folder / "copy.db",
                               {.arguments = words, .input = text});
    CHECK(x.code == 0);
    CHECK(x.says("2 imported"));
  }
  const temp_dir folder;
  CHECK(run_waybill(folder / "copy.db", {"import"}).says("0 imported"));
  const auto missing = run_waybill(folder / "copy.db",
                                   {"import", folder / "missing"});
  CHECK(missing.code == 2);
  CHECK(missing.complains("No such file"));
}

TEST_CASE_METHOD(cli_fixture, "an interrupted import goes on when it is run "
                              "again") {
  record(1'500);
  const auto text = waybill({"export"}).out;
  const auto fifo = dir / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  // Read and write, so that neither side waits for the other to open it.
  descriptor to{::open(fifo.c_str(), O_RDWR | O_CLOEXEC)};
  const auto copy = dir / "copy.db";
  auto importing = start_waybill(copy, {.arguments = {"import", fifo}});
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto count = ::write(to.get(), rest.data(), rest.size());
    REQUIRE(count > 0);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  for (int left = 1; left != 0; std::this_thread::sleep_for(20ms))
    ::ioctl(to.get(), FIONREAD, &left);
  std::this_thread::sleep_for(100ms);
  importing.signal(SIGINT);
  const auto x = end_of(importing);
  CHECK(x.code == 130);
  CHECK(x.complains("import the same again to go on"));
  const auto stored = records_of(copy).size();
  CHECK(x.complains("stopped: " + std::to_string(stored) + " imported"));

  write_file(dir / "in", text);
  CHECK(run_waybill(copy, {"import", dir / "in"}).code == 0);
  CHECK(records_of(copy) == records_of(options.file));
}

// -- backup and check ---------------------------------------------------------

TEST_CASE_METHOD(cli_fixture, "a backup of a store in use is a store") {
  record(500);
  const auto copy = dir / "copy.db";
  const auto x = waybill({"backup", copy});
  CHECK(x.code == 0);
  CHECK(x.out.starts_with("copied to " + copy));
  CHECK(mode_of(copy) == 0600);
  record(10, 1'000);
  CHECK(records_of(copy).size() == 500);
  CHECK(run_waybill(copy, {"check"}).code == 0);

  const auto again = waybill({"backup", copy});
  CHECK(again.code == 2);
  CHECK(again.complains(copy));
  const auto own = waybill({"backup", options.file + "-wal"});
  CHECK(own.code == 2);
  const auto as_json = waybill({"backup", "--json", dir / "second.db"}).json();
  CHECK(as_json["file"] == dir / "second.db");
  CHECK(as_json["bytes"] > 0);
}

TEST_CASE_METHOD(cli_fixture,
                 "a backup that meets a full disk leaves no file") {
  record(2'000);
  store.close();
  const auto copy = dir / "copy.db";
  const auto x = run_limited(options.file, 64, {"backup", copy});
  CHECK(x.code == 3);
  CHECK_FALSE(std::filesystem::exists(copy));
  CHECK_FALSE(std::filesystem::exists(copy + ".part"));
}

TEST_CASE_METHOD(cli_fixture,
                 "a backup is restored, where a store is only by force and "
                 "never one in use") {
  record(50);
  const auto copy = dir / "copy.db";
  REQUIRE(waybill({"backup", copy}).code == 0);
  record(10, 1'000);
  const auto in_use = waybill({"restore", "--force", copy});
  CHECK(in_use.code == 3);
  CHECK(in_use.complains("stop it first"));
  store.close();
  const auto unasked = waybill({"restore", copy});
  CHECK(unasked.code == 2);
  CHECK(unasked.complains("--force"));
  CHECK(records_of(options.file).size() == 60);
  const auto x = waybill({"restore", "--force", copy});
  CHECK(x.code == 0);
  CHECK(x.out.starts_with("restored " + options.file));
  CHECK(records_of(options.file).size() == 50);
  const auto other = dir / "other.db";
  const auto made = run_waybill(other, {"restore", "--json", copy});
  CHECK(made.code == 0);
  CHECK(made.json()["backup"] == copy);
  CHECK(run_waybill(other, {"check"}).code == 0);
}

TEST_CASE_METHOD(cli_fixture, "check tells a sound store from a damaged one") {
  record(200);
  const auto sound = waybill({"check"});
  CHECK(sound.code == 0);
  CHECK(sound.says("sound: 200 operations"));
  const auto as_json = waybill({"check", "--json"}).json();
  CHECK(as_json["sound"] == true);
  CHECK(as_json["operations"] == 200);
  CHECK(as_json["faults"].empty());

  store.close();
  auto bytes = read_file(options.file);
  // In the middle of a page that is not the first.
  const auto at = bytes.size() / 2 + 100;
  bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
  write_file(options.file, bytes);
  const auto damaged = run_waybill(options.file, {"check"});
  CHECK(damaged.code == 3);
  CHECK_FALSE((damaged.out + damaged.err).empty());
  CHECK(read_file(options.file) == bytes);
}

TEST_CASE_METHOD(cli_fixture,
                 "no command passes over a log that is damaged in its middle") {
  for (std::uint64_t n = 1; n <= 30; ++n)
    record(1, n);
  const temp_dir killed;
  copy_files(dir.path(), killed.path());
  const auto file = killed / "ops.db";
  std::filesystem::remove(file + "-shm");
  constexpr std::size_t header_bytes = 32;
  constexpr std::size_t frame_bytes = 24 + 4'096;
  auto log = read_file(file + "-wal");
  const auto frames = static_cast<std::size_t>(store.wal_bytes()) / frame_bytes;
  REQUIRE(frames > 30);
  log[header_bytes + frames / 2 * frame_bytes + 2'000] ^= '\x01';
  write_file(file + "-wal", log);
  const auto before = bytes_in(killed.path());
  const temp_dir made;
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"list"},
         {"stuck"},
         {"counts"},
         {"stats"},
         {"health"},
         {"status", id_text(1)},
         {"history", id_text(1)},
         {"targets"},
         {"payload", id_text(1)},
         {"wait", "--timeout", "1s", id_text(1)},
         {"watch", "--after", "0"},
         {"export"},
         {"export", "-o", made / "all.jsonl"},
         {"backup", made / "backup.db"},
         {"check"},
         {"purge", "--older-than", "1s", "--dry-run"},
         {"purge", "--older-than", "1s"},
         {"discard", id_text(1), "--reason", "x"},
         {"vacuum"}}) {
    CAPTURE(words);
    const auto x = run_waybill(file, words);
    CAPTURE(x.out, x.err);
    CHECK(x.code == 3);
    CHECK(x.complains(file + "-wal"));
    CHECK(x.out.empty());
  }
  CHECK(run_waybill(made / "restored.db", {"restore", file}).code == 3);
  std::filesystem::remove(file + "-shm");
  CHECK(changes_since(before, killed.path()) == "");
  CHECK(std::filesystem::is_empty(made.path()));
}

TEST_CASE_METHOD(cli_fixture,
                 "recover makes a store of what is sound, and says what is "
                 "not") {
  record(400);
  const auto to = dir / "recovered.db";
  const auto in_use = waybill({"recover", options.file, to});
  CHECK(in_use.code == 3);
  CHECK(in_use.complains("another waybill command, holds"));
  store.close();
  // The store is named by the argument.
  const auto recover = [&](std::vector<std::string> arguments) {
    std::filesystem::remove(to);
    arguments.insert(arguments.begin(), {"recover", options.file, to});
    return run_waybill(dir / "none.db", arguments);
  };
  const auto sound = recover({});
  CHECK(sound.code == 0);
  CHECK(sound.err.empty());
  CHECK(sound.says("copied 400 operations, 0 later transitions and 0 calls to "
                   + to));
  CHECK(run_waybill(to, {"check"}).says("sound: 400 operations"));
  CHECK(run_waybill(dir / "none.db", {"recover", options.file, to}).code == 2);

  constexpr std::size_t page_bytes = 4'096;
  auto bytes = read_file(options.file);
  const auto at = bytes.find("https://plant.example/api");
  REQUIRE(at != std::string::npos);
  bytes[at] = 'X'; // the only name of its kind
  const auto id = bytes.rfind(std::string{"\x01\x93\x2c\x07", 4});
  REQUIRE(id / page_bytes != at / page_bytes);
  bytes[id + 12] = static_cast<char>(bytes[id + 12] ^ 1);
  write_file(options.file, bytes);
  const auto damaged = recover({});
  CAPTURE(damaged.err);
  CHECK(damaged.code == 5);
  CHECK(damaged.complains("is lost; shown as (lost name "));
  CHECK(damaged.complains("rows that were found are left out"));
  CHECK(run_waybill(to, {"check"}).code == 0);
  const auto as_json = recover({"--json"});
  CHECK(as_json.code == 5);
  CHECK(as_json.err.empty());
  CHECK(as_json.json()["whole"] == false);
  CHECK(as_json.json()["left_out"] > 0);
  CHECK(as_json.json()["remarks"].size() > 0);
  const auto unproven = recover({"--unproven"});
  CHECK(unproven.code == 5);
  CHECK(unproven.complains("look sound, but may not be what was written"));
  CHECK(run_waybill(to, {"list", "--json"}).says("Xttps://plant.example/api"));
  CHECK(read_file(options.file) == bytes);
}
