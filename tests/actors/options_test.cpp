// Options: from a struct, from JSON, from CAF's config; errors by name.

#include <fstream>
#include <sstream>

#include <caf/settings.hpp>

#include "support/actors.hpp"
#include "support/errors.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// What options_from_json() objects to.
std::string objection(const std::string& json) {
  try {
    options_from_json(json);
  } catch (const store_error& e) {
    CHECK(e.code() == errc::invalid_options);
    return e.what();
  }
  return "(accepted)";
}

template <class F>
std::string objection_after(F&& change) {
  options x;
  x.file = "track.db";
  change(x);
  try {
    validate(x);
  } catch (const store_error& e) {
    CHECK(e.code() == errc::invalid_options);
    return e.what();
  }
  return "(accepted)";
}

// What options_from_config() objects to.
std::string config_objection(const std::string& text) {
  actor_config config;
  read_config(config, text);
  try {
    options_from_config(config);
  } catch (const store_error& e) {
    CHECK(e.code() == errc::invalid_options);
    return e.what();
  }
  return "(accepted)";
}

// The same for one option of the section.
std::string line_objection(const std::string& line) {
  return config_objection("waybill {\n  file = \"t.db\"\n  " + line + "\n}\n");
}

std::string read_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("a text that is deep, or goes on after NUL, is no options") {
  const auto refused = [](const std::string& text) {
    const auto e = error_of([&] { options_from_json(text); });
    CHECK(e.code == errc::invalid_options);
    CHECK(e.text.size() < 500);
  };
  const std::string deep(200'000, '[');
  refused("{\"file\": " + deep + std::string(deep.size(), ']') + "}");
  refused(deep + std::string(deep.size(), ']'));
  refused(std::string{"{\"file\": \"a\"}"} + '\0' + "x");
}

TEST_CASE("the defaults are valid once a file is named") {
  CHECK(objection_after([](options&) {}) == "(accepted)");
  CHECK(objection_after([](options& x) { x.file.clear(); })
        == "file: must not be empty");
}

TEST_CASE("an option out of its range is named with its value and range") {
  CHECK(objection_after([](options& x) { x.max_batch = 0; })
        == "max_batch: must be 1 to 65536 requests, but is 0");
  CHECK(objection_after([](options& x) { x.max_batch = 65'537; })
        == "max_batch: must be 1 to 65536 requests, but is 65537");
  CHECK(objection_after([](options& x) { x.retention_interval = 0ms; })
        == "retention_interval: must be 100ms to 30d, but is 0s");
  CHECK(objection_after([](options& x) { x.retention_parked = -1ms; })
        == "retention_parked: must be 0s to 3650d, forever, but is -1ms");
  CHECK(objection_after(
          [](options& x) { x.synchronous = static_cast<durability>(9); })
        == "synchronous: must be off, normal, full, but is 9");
  CHECK(objection_after([](options& x) {
          x.last_error_cap = INT64_MIN;
        }).starts_with("last_error_cap: "));
}

TEST_CASE("JSON sets every option") {
  const auto x = options_from_json(R"({
    "file": "t.db", "synchronous": "normal", "last_error_cap": 100,
    "checkpoint_pages": 500, "cache_bytes": 100000, "max_batch": 7,
    "audit_records": 50,
    "max_waiting_requests": 8, "max_waiting_bytes": 9000,
    "purge_chunk_rows": 10, "retention_delivered": "1d",
    "retention_parked": "forever", "retention_failed": "2d",
    "retention_discarded": "0s", "retention_payloads": "30d",
    "retention_interval": "10min", "duplicate_window": "90d",
    "duplicate_window_for": "all", "max_tombstones": 11,
    "status_timeout": "250ms", "stop_timeout": "3s"})");
  CHECK(x.file == "t.db");
  CHECK(x.synchronous == durability::normal);
  CHECK(x.last_error_cap == 100);
  CHECK(x.checkpoint_pages == 500);
  CHECK(x.cache_bytes == 100'000);
  CHECK(x.audit_records == 50);
  CHECK(x.max_batch == 7);
  CHECK(x.max_waiting_requests == 8);
  CHECK(x.max_waiting_bytes == 9'000);
  CHECK(x.purge_chunk_rows == 10);
  CHECK(x.retention_delivered == 24h);
  CHECK_FALSE(x.retention_parked);
  CHECK(x.retention_failed == 48h);
  CHECK(x.retention_discarded == 0ms);
  CHECK(x.retention_payloads == 30 * 24h);
  CHECK(x.retention_interval == 10min);
  CHECK(x.duplicate_window == 90 * 24h);
  CHECK(x.duplicate_window_for == duplicate_scope::all);
  CHECK(x.max_tombstones == 11);
  CHECK(x.status_timeout == 250ms);
  CHECK(x.stop_timeout == 3s);
}

TEST_CASE("retention sets those windows that have no value of their own") {
  const auto x = options_from_json(
    R"({"file": "t.db", "retention_parked": "forever", "retention": "1d"})");
  CHECK(x.retention_delivered == 24h);
  CHECK_FALSE(x.retention_parked);
  CHECK(x.retention_failed == 24h);
  CHECK(x.retention_discarded == 24h);
  CHECK_FALSE(x.retention_payloads);
}

TEST_CASE("JSON that is wrong is refused by the option's name") {
  CHECK(objection("").starts_with("options: is no JSON"));
  CHECK(objection("{").starts_with("options: is no JSON"));
  CHECK(objection("[]").starts_with("options: must be a JSON object"));
  CHECK(objection("{}") == "file: must not be empty");
  CHECK(objection(R"({"file": 7})") == "file: must be a text, but is 7");
  CHECK(objection(R"({"file": "f", "max_bach": 1})")
        == "max_bach: is no option of waybill");
  CHECK(objection(R"({"file": "f", "\u001b[2J": 1})")
        == "\\x1B[2J: is no option of waybill");
  const std::string number
    = "max_batch: must be a whole number, 1 to 65536 requests, but is ";
  CHECK(objection(R"({"file": "f", "max_batch": "1"})") == number + R"("1")");
  CHECK(objection(R"({"file": "f", "max_batch": 1.5})") == number + "1.5");
  CHECK(objection(R"({"file": "f", "max_batch": 99999999999999999999})")
        == number + "1e+20");
  CHECK(objection(R"({"file": "f", "max_batch": -1})")
        == "max_batch: must be 1 to 65536 requests, but is -1");
  CHECK(objection(R"({"file": "f", "synchronous": "most"})")
        == R"(synchronous: must be one of off, normal, full, but is "most")");
  const std::string duration
    = R"(stop_timeout: must be a duration like "500ms", "30s", "10min", "1h" )"
      R"(or "7d", 1ms to 1h, but is )";
  CHECK(objection(R"({"file": "f", "stop_timeout": 5})") == duration + "5");
  CHECK(objection(R"({"file": "f", "stop_timeout": "5 s"})")
        == duration + R"("5 s")");
  CHECK(objection(R"({"file": "f", "stop_timeout": "forever"})")
        == duration + R"("forever")");
  const std::string window
    = R"(must be a duration like "7d", 0s to 3650d, forever, but is )";
  CHECK(objection(R"({"file": "f", "retention": null})")
        == "retention: " + window + "null");
  CHECK(objection(R"({"file": "f", "retention_parked": "never"})")
        == "retention_parked: " + window + R"("never")");
  CHECK(objection(R"({"file": "f", "retention_failed": "3651d"})")
        == "retention_failed: must be 0s to 3650d, forever, but is 3651d");
}

TEST_CASE_METHOD(actor_fixture,
                 "a hostile file name in JSON is refused by the option's name "
                 "or by the file's") {
  CHECK(objection(R"({"file": ""})") == "file: must not be empty");
  CHECK(objection("{\"file\": \"a\xff\"}").starts_with("options: is no JSON"));
  const auto refused = [&](const std::string& json) {
    const auto e = waybill::test::error_of(
      [&] { start(system, options_from_json(json)); });
    CHECK(e.code == errc::store_unavailable);
    return e;
  };
  CHECK(refused(R"({"file": "a\u0000b"})").text
        == "file: must not contain NUL");
  const std::string long_name(1'000'000, 'x');
  CHECK(refused("{\"file\": \"" + (dir / long_name.c_str()) + "\"}")
          .mentions("File name too long"));
}

TEST_CASE_METHOD(actor_fixture, "options come from a JSON file") {
  const auto path = dir / "options.json";
  std::ofstream{path} << R"({"file": "t.db", "max_batch": 3})";
  CHECK(options_from_json_file(path).max_batch == 3);
  std::ofstream{path} << R"({"file": "t.db", "max_batch": 0})";
  CHECK_THROWS_WITH(options_from_json_file(path),
                    path
                      + ": max_batch: must be 1 to 65536 requests, but is 0");
  CHECK_THROWS_WITH(options_from_json_file((dir / "missing.json")),
                    (dir / "missing.json")
                      + ": cannot be read: No such file or directory");
  CHECK_THROWS_WITH(options_from_json_file(dir.path().string()),
                    dir.path().string() + ": cannot be read: Is a directory");
  for (const auto* nothing : {"", " \r\n\t\n"}) {
    std::ofstream{path} << nothing;
    CHECK_THROWS_WITH(options_from_json_file(path),
                      path + ": is empty; {} stands for no options");
  }
  std::ofstream{path} << std::string(1'048'577, ' ');
  CHECK_THROWS_WITH(options_from_json_file(path),
                    path + ": is longer than 1048576 bytes");
  CHECK_THROWS_WITH(options_from_json_file(path + '\0' + "x"),
                    path + "\\x00x: must not contain NUL");
}

TEST_CASE("options come from the host's CAF config") {
  actor_config config;
  read_config(config, "waybill {\n"
                      "  file = \"t.db\"\n"
                      "  max-batch = 12\n"
                      "  status_timeout = 250ms\n"
                      "  retention = \"forever\"\n"
                      "}\n");
  const auto x = options_from_config(config);
  CHECK(x.file == "t.db");
  CHECK(x.max_batch == 12);
  CHECK(x.status_timeout == 250ms);
  CHECK_FALSE(x.retention_delivered);
}

TEST_CASE("the host's own settings of CAF's scheduler stand") {
  actor_config config;
  read_config(config, "work-stealing { moderate-poll-attempts = 7 }\n");
  CHECK(caf::get_or(config, "work-stealing.moderate-poll-attempts",
                    std::size_t{500})
        == 7);
}

TEST_CASE("a host's CAF config with a wrong option is refused by its name") {
  actor_config config;
  read_config(config, "waybill {\n  file = \"t.db\"\n  max-bach = 1\n}\n");
  CHECK_THROWS_WITH(options_from_config(config),
                    "max_bach: is no option of waybill");
}

TEST_CASE("a CAF config whose waybill is no section is refused") {
  CHECK(config_objection("waybill = 5\n")
        == "waybill: must be a section { … }, but is 5");
}

TEST_CASE("a CAF config's value of the wrong type is refused by its name") {
  CHECK(line_objection("max-batch = \"many\"")
        == "max_batch: must be a whole number, 1 to 65536 requests, but is "
           "\"many\"");
  CHECK(line_objection("max-batch = 1.5").starts_with("max_batch: must be "));
  CHECK(line_objection("max-batch = true").starts_with("max_batch: must be "));
  CHECK(line_objection("max-batch = 5s").starts_with("max_batch: must be "));
  CHECK(line_objection("max-batch = [1]").starts_with("max_batch: must be "));
  CHECK(line_objection("file = 7") == "file: must be a text, but is 7");
  CHECK(line_objection("synchronous = 2").starts_with("synchronous: must be "));
  CHECK(line_objection("stop-timeout = 5")
          .starts_with("stop_timeout: must be a duration"));
  CHECK(line_objection("retention = 7")
          .starts_with("retention: must be a duration"));
}

TEST_CASE("a CAF config's value out of its range is refused by its name") {
  CHECK(line_objection("max-batch = 0")
        == "max_batch: must be 1 to 65536 requests, but is 0");
  CHECK(line_objection("max-batch = -1")
        == "max_batch: must be 1 to 65536 requests, but is -1");
  CHECK(line_objection("cache-bytes = 9223372036854775807")
        == "cache_bytes: must be 65536 to 17179869184 bytes, but is "
           "9223372036854775807");
  CHECK(line_objection("cache-bytes = -9223372036854775808")
        == "cache_bytes: must be 65536 to 17179869184 bytes, but is "
           "-9223372036854775808");
  CHECK(line_objection("stop-timeout = 2h")
        == "stop_timeout: must be 1ms to 1h, but is 2h");
  CHECK(line_objection("stop-timeout = -5s").starts_with("stop_timeout: must"));
  CHECK(line_objection("retention-parked = \"3651d\"")
        == "retention_parked: must be 0s to 3650d, forever, but is 3651d");
}

TEST_CASE("a CAF config's time of less than a millisecond is not rounded") {
  CHECK(line_objection("status-timeout = 999us")
        == "status_timeout: must be a whole number of milliseconds, but is "
           "999000ns");
  CHECK(line_objection("retention-failed = 1ns")
        == "retention_failed: must be a whole number of milliseconds, but is "
           "1ns");
  CHECK(line_objection("status-timeout = 2000us") == "(accepted)");
}

TEST_CASE("hostile texts in a CAF config are refused by the option's name") {
  CHECK(line_objection("synchronous = \"\xff\xfe\"")
          .starts_with("synchronous: must be "));
  CHECK(
    line_objection("retention = \"\xc3\"").starts_with("retention: must be "));
  CHECK(line_objection("max-batch = \"\x1b[2J\"").find('\x1b')
        == std::string::npos);
  CHECK(line_objection("stop-timeout = \"" + std::string(1'000'000, '5') + "\"")
          .starts_with("stop_timeout: must be "));
}

TEST_CASE_METHOD(
  actor_fixture,
  "NUL in a CAF config's value is refused by the option's name") {
  using namespace std::string_literals;
  // CAF 0.17 reads none from a file, but a host can set one.
  actor_config host;
  caf::put(host.content, "waybill.file", "a\0b"s);
  expect_error(errc::store_unavailable, "file",
               [&] { start(system, options_from_config(host)); });
  caf::put(host.content, "waybill.synchronous", "full\0"s);
  expect_error(errc::invalid_options, "synchronous",
               [&] { options_from_config(host); });
  caf::put(host.content, "waybill.synchronous", "full"s);
  caf::put(host.content, "waybill.stop_timeout", "5s\0"s);
  expect_error(errc::invalid_options, "stop_timeout",
               [&] { options_from_config(host); });
}

TEST_CASE("the README's table of options is the list in the code") {
  const auto readme = read_text(WAYBILL_SOURCE_DIR "/README.md");
  for (const auto& x : describe_options()) {
    const auto row = "| `" + x.name + "` | "
                     + (x.default_value.empty() ? "(none)"
                                                : "`" + x.default_value + "`")
                     + " | " + x.range + " | " + x.meaning + " |";
    INFO(row);
    CHECK(readme.find(row) != std::string::npos);
  }
  // No row is left from an option that is gone.
  const std::string_view heading = "| option | default | range | meaning |\n";
  const auto begin = readme.find(heading);
  REQUIRE(begin != std::string::npos);
  std::istringstream table{readme.substr(begin + heading.size())};
  std::size_t rows = 0;
  for (std::string line; std::getline(table, line) && line.starts_with('|');)
    rows += line.starts_with("|---") ? 0 : 1;
  CHECK(rows == describe_options().size());
}

TEST_CASE("an option that is there twice is refused by its name") {
  CHECK(objection(R"({"file": "a", "max_batch": 1, "max_batch": 1})")
        == "max_batch: is there twice");
  CHECK(objection(R"({"file": "a", "f\u0069le": "b"})")
        == "file: is there twice");
  CHECK(objection(R"({"\u001b": 1, "\u001b": 2})") == "\\x1B: is there twice");
  // Only CAF's config has two spellings.
  CHECK(line_objection("max-batch = 1\n  max_batch = 1")
        == "max_batch: is there twice, with - and with _");
}

namespace {

// What options_from_config() reads from a command line.
options from_command_line(std::vector<std::string> words) {
  actor_config config;
  std::istringstream no_file;
  words.insert(words.begin(), "host");
  std::vector<char*> pointers;
  for (auto& word : words)
    pointers.push_back(word.data());
  const auto error = config.parse(static_cast<int>(pointers.size()),
                                  pointers.data(), no_file);
  CAPTURE(to_failure(error).text);
  REQUIRE_FALSE(error);
  return options_from_config(config);
}

} // namespace

TEST_CASE("every option can be set on the command line of a CAF program") {
  const auto x = from_command_line(
    {"--waybill.file=a b.db", "--waybill.max-batch=12",
     "--waybill.max_waits=13", "--waybill.status-timeout=250ms",
     "--waybill.retention=30d", "--waybill.retention-parked=forever",
     "--waybill.synchronous=normal"});
  CHECK(x.file == "a b.db");
  CHECK(x.max_batch == 12);
  CHECK(x.max_waits == 13);
  CHECK(x.status_timeout == 250ms);
  CHECK(x.retention_failed == 30 * 24h);
  CHECK_FALSE(x.retention_parked);
  CHECK(x.synchronous == durability::normal);
  CHECK(from_command_line({"--waybill.file=7"}).file == "7");
  // What the struct has by default is what its list says, for each of them.
  for (const auto& each : describe_options()) {
    CAPTURE(each.name);
    const auto value = each.default_value.empty() ? "t.db" : each.default_value;
    CHECK_NOTHROW(from_command_line(
      {"--waybill.file=t.db", "--waybill." + each.name + "=" + value}));
  }
}

TEST_CASE("a wrong option on the command line is refused by its name") {
  CHECK_THROWS_WITH(
    from_command_line({"--waybill.file=t.db", "--waybill.max-batch=many"}),
    "max_batch: must be a whole number, 1 to 65536 requests, but is \"many\"");
  CHECK_THROWS_WITH(from_command_line(
                      {"--waybill.file=t.db", "--waybill.max-batch=0"}),
                    "max_batch: must be 1 to 65536 requests, but is 0");
  CHECK_THROWS_WITH(
    from_command_line({"--waybill.file=t.db", "--waybill.stop-timeout=soon"}),
    Catch::Matchers::StartsWith("stop_timeout: must be a duration"));
}
