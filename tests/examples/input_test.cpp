// The input of examples/site_runtime: lines, and calls in them.

#include "site_runtime/input.hpp"

#include <unistd.h>

#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "input/line_reader.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/hostile.hpp"
#include "support/program.hpp"

namespace {

using namespace std::chrono_literals;
using site_runtime::bad_line;
using site_runtime::max_line;
using site_runtime::parse_call;
using waybill::cli::line_reader;

constexpr auto id = "01932c07-f2a1-7000-8000-0123456789ab";

// A good call, changed: fields of `changes` replace its own; null removes one.
std::string call_line(const nlohmann::json& changes = {}) {
  nlohmann::json call{{"id", id},
                      {"kind", "ExternalSystem.CachedCall"},
                      {"target_summary", "POST /a"},
                      {"path", "/a?b=c"},
                      {"body", {{"x", 1}}}};
  call.merge_patch(changes);
  return call.dump();
}

std::string reason(const std::string& line) {
  try {
    parse_call(line);
    return "accepted";
  } catch (const bad_line& e) {
    return e.what();
  }
}

std::vector<line_reader::line> lines_of(const std::string& bytes) {
  const waybill::test::temp_dir dir;
  waybill::test::write_file(dir / "in", bytes);
  line_reader source{dir / "in", max_line};
  std::vector<line_reader::line> lines;
  while (!source.at_end())
    if (auto line = source.next(1s))
      lines.push_back(std::move(*line));
  return lines;
}

std::vector<std::string> texts_of(const std::string& bytes) {
  std::vector<std::string> texts;
  for (auto& each : lines_of(bytes))
    texts.push_back(std::move(each.text));
  return texts;
}

} // namespace

TEST_CASE("a line becomes a call with what is sent as its payload") {
  const auto x = parse_call(call_line({{"source_node", "n"}}));
  CHECK(to_string(x.id) == id);
  CHECK(x.kind == "ExternalSystem.CachedCall");
  CHECK(x.target_summary == "POST /a");
  CHECK(x.source_node == "n");
  CHECK(site_runtime::to_request(x.payload).path == "/a?b=c");
  CHECK(site_runtime::to_request(x.payload).body == R"({"x":1})");

  const auto y
    = parse_call(R"({"id": ")" + std::string{id}
                 + R"(", "kind": "Database.CachedWrite", "row": {"a": 1}})");
  CHECK(y.payload == R"({"a": 1})");
}

TEST_CASE("a line that is no call is refused with the reason") {
  using waybill::test::bad_texts;
  CHECK(reason("") == "empty");
  CHECK(reason(" \t ") == "empty");
  CHECK(reason("call me") == "not JSON (byte 1)");
  CHECK(reason(call_line() + call_line()).starts_with("not JSON (byte "));
  CHECK(reason("[]") == "not a JSON object");
  CHECK(reason("null") == "not a JSON object");
  CHECK(reason("\xEF\xBB\xBF\xEF\xBB\xBF{}") == "not JSON (byte 4)");
  CHECK(reason("{\"a\": 1e999}").starts_with("not JSON that can be used"));
  CHECK(reason(std::string(500'000, '[')) == "nested more than 64 levels deep");
  for (const auto& [text, why] : bad_texts) {
    CAPTURE(text);
    CHECK(reason(R"({"kind": ")" + text + "\"}").find(why)
          != std::string::npos);
  }
}

TEST_CASE("a field that is missing or wrong is named") {
  CHECK(reason(call_line({{"id", nullptr}})) == "id: is missing");
  CHECK(reason(call_line({{"kind", nullptr}})) == "kind: is missing");
  CHECK(reason(call_line({{"path", nullptr}})) == "path: is missing");
  CHECK(reason(call_line({{"body", nullptr}})) == "body: is missing");
  CHECK(reason(call_line({{"kind", "Database.CachedWrite"}}))
        == "row: is missing");
  CHECK(reason(call_line({{"kind", "Database.CachedWrite"}, {"row", 1}}))
        == "row: must be an object");
  CHECK(reason(call_line({{"row", 1}})).starts_with("row: "));
  CHECK(reason(call_line({{"payload", "x"}})).starts_with("payload: "));
  CHECK(reason(call_line({{"frob", 1}})).starts_with("frob: "));
  CHECK(reason(call_line({{"kind", "Other"}})).starts_with("kind: must be "));
  CHECK(reason(call_line({{"kind", 7}})).starts_with("kind: must be "));
  CHECK(reason(call_line({{"id", "x"}})).starts_with("id: must be an id"));
  CHECK(reason(call_line({{"id", 7}})).starts_with("id: must be an id"));
  CHECK(reason(call_line({{"id", "00000000-0000-0000-0000-000000000000"}}))
          .starts_with("id: "));
  CHECK(reason(call_line({{"source_node", std::string(5'000, 'x')}}))
          .starts_with("source_node: "));
  for (const auto* path : {"", "a", "/a b", "/\u00e9", "/\r\nHost: evil"})
    CHECK(reason(call_line({{"path", path}})).starts_with("path: must be "));
  CHECK(reason(call_line({{"path", '/' + std::string(5'000, 'x')}}))
          .starts_with("path: must be "));
}

TEST_CASE("lines end in LF or CRLF and the last one needs no end") {
  using texts = std::vector<std::string>;
  CHECK(texts_of("").empty());
  CHECK(texts_of("\n") == texts{""});
  CHECK(texts_of("a\r\nb\n\nc") == texts{"a", "b", "", "c"});
  CHECK(texts_of("a\n") == texts{"a"});
  CHECK(texts_of("a\rb\r\r\n") == texts{"a\rb\r"});
}

TEST_CASE("lines come out as they are whatever their length") {
  std::string bytes;
  std::vector<std::string> expected;
  for (std::size_t size = 0; size < 200'000; size = size * 2 + 1)
    for (std::size_t more = 0; more < 3; ++more) {
      expected.emplace_back(size + more, static_cast<char>('a' + more));
      bytes += expected.back() + '\n';
    }
  CHECK(texts_of(bytes) == expected);
}

TEST_CASE("a line above the limit is marked and not kept") {
  const auto lines = lines_of(std::string(max_line, 'a') + '\n'
                              + std::string(max_line + 1, 'b') + "\nc\n"
                              + std::string(10 * max_line, 'd') + "\r\ne\n"
                              + std::string(2 * max_line, 'f'));
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].text.size() == max_line);
  CHECK_FALSE(lines[0].too_long);
  CHECK(lines[1].too_long);
  CHECK(lines[2].text == "c");
  CHECK_FALSE(lines[2].too_long);
  CHECK(lines[3].too_long);
  CHECK(lines[3].text.size() <= max_line);
  CHECK(lines[4].text == "e");
  CHECK(lines[4].number == 5);
  CHECK(lines[5].too_long);
}

TEST_CASE("a pipe that is silent does not hold up its reader") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  waybill::test::descriptor to_pipe{ends[1]};
  const waybill::test::descriptor from_pipe{ends[0]};
  line_reader source{"/dev/fd/" + std::to_string(from_pipe.get()), 100};
  CHECK_FALSE(source.next(1ms));
  CHECK_FALSE(source.at_end());
  REQUIRE(::write(to_pipe.get(), "a\nb", 3) == 3);
  CHECK(source.next(1s)->text == "a");
  CHECK_FALSE(source.next(1ms));
  to_pipe.reset();
  CHECK(source.next(1s)->text == "b");
  CHECK_FALSE(source.next(1s));
  CHECK(source.at_end());
}

TEST_CASE("an input that cannot be read is refused") {
  const waybill::test::temp_dir dir;
  CHECK_THROWS_AS(line_reader(dir / "missing", 1), std::system_error);
  CHECK_THROWS_AS(line_reader(dir.path().string(), 1), std::system_error);
}
