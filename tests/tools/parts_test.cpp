// Small parts of the command: lines, progress, files, the scrape text.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/schema.hpp"
#include "exit_code.hpp"
#include "files.hpp"
#include "input/line_reader.hpp"
#include "output/progress.hpp"
#include "output/text_width.hpp"
#include "output/writer.hpp"
#include "support/exposition.hpp"
#include "support/files.hpp"
#include "support/printing.hpp"
#include "support/program.hpp"
#include "support/requests.hpp"
#include "waybill/store_stats.hpp"
#include "waybill/text.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::cli;
using test::read_file;
using test::temp_dir;
using test::write_file;

namespace {

constexpr std::size_t max_line = 1'048'576;

std::vector<std::string> lines_in(const std::string& file) {
  line_reader in{file, max_line};
  std::vector<std::string> lines;
  while (!in.at_end())
    if (const auto line = in.next()) {
      CHECK(line->number == static_cast<std::int64_t>(lines.size()) + 1);
      CHECK_FALSE(line->too_long);
      lines.push_back(line->text);
    }
  CHECK(in.bytes_read() == in.bytes_in_all());
  return lines;
}

template <class E, class F>
std::string reason_of(F&& f) {
  try {
    f();
    return "accepted";
  } catch (const E& e) {
    return e.what();
  }
}

} // namespace

// -- input --------------------------------------------------------------------

TEST_CASE("lines end with LF or CR LF or with the file") {
  const temp_dir dir;
  const auto file = dir / "lines";
  using texts = std::vector<std::string>;
  const std::string long_line(200'000, 'x');
  for (const auto& [content, expected] :
       std::vector<std::pair<std::string, texts>>{{"", {}},
                                                  {"a\nb\n", {"a", "b"}},
                                                  {"a\r\nb", {"a", "b"}},
                                                  {"\n\n", {"", ""}},
                                                  {long_line + "\n" + long_line,
                                                   {long_line, long_line}}}) {
    write_file(file, content);
    CHECK(lines_in(file) == expected);
  }
}

TEST_CASE("a line without end is not held in memory") {
  const temp_dir dir;
  const auto file = dir / "lines";
  {
    const test::descriptor out{
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    // Zeros that take no space on the disk.
    REQUIRE(::ftruncate(out.get(), static_cast<off_t>(max_line) * 2) == 0);
    REQUIRE(::lseek(out.get(), 0, SEEK_END) > 0);
    REQUIRE(::write(out.get(), "\nnext\n", 6) == 6);
  }
  line_reader in{file, max_line};
  auto line = in.next();
  REQUIRE(line);
  CHECK(line->too_long);
  CHECK(line->text.size() <= max_line + 65'536);
  line = in.next();
  REQUIRE(line);
  CHECK(line->text == "next");
  CHECK(line->number == 2);
  CHECK_FALSE(in.next());
  CHECK(in.at_end());
  CHECK(in.bytes_read() == in.bytes_in_all());
}

TEST_CASE("an input that cannot be read is named") {
  const temp_dir dir;
  const auto missing = dir / "no\nfile";
  CHECK(reason_of<std::system_error>([&] {
          line_reader{missing, 1};
        })
        == escape(missing) + ": No such file or directory");
  CHECK(reason_of<std::system_error>([&] {
          line_reader{dir.path().string(), 1};
        })
        == dir.path().string() + ": Is a directory");
}

// -- output -------------------------------------------------------------------

TEST_CASE("progress has its rate and the time left once they mean something") {
  const auto line = [](progress_figures x,
                       progress_unit unit = progress_unit::items) {
    return render_progress("exported", unit, x, 0);
  };
  CHECK(line({0, 0, 0ms}) == "exported 0");
  CHECK(line({10, 40, 100ms}) == "exported 10 of 40 (25 %)");
  CHECK(line({10, 0, 2s}) == "exported 10, 5/s");
  CHECK(line({10, 40, 2s}) == "exported 10 of 40 (25 %), 5/s, 6 s left");
  CHECK(line({50, 40, 2s}).starts_with("exported 50 of 50 (100 %)"));
  CHECK(line({1'048'576, 4'194'304, 1s}, progress_unit::bytes)
        == "exported 1.0 MiB of 4.0 MiB (25 %), 1.0 MiB/s, 3 s left");
  CHECK(line({39, 40, 30s}).ends_with(", 1/s, less than 1 s left"));
  // What means nothing to people is a percentage, what others do has no rate.
  CHECK(line({10, 40, 2s}, progress_unit::parts)
        == "exported 25 %, 12 %/s, 6 s left");
  CHECK(line({1, 2, 2s}, progress_unit::events) == "exported 1 of 2 (50 %)");
  CHECK(line({1, INT64_MAX, 10h}).ends_with(", 365 d left"));
  for (std::size_t width = 1; width < 60; ++width)
    CHECK(width_of(render_progress("exported", progress_unit::items,
                                   {10, 40, 2s}, width))
          <= width);
}

TEST_CASE("a writer tells a reader that has gone from a full disk") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  test::descriptor from{ends[0]};
  const test::descriptor to{ends[1]};
  writer out{to.get(), "the pipe"};
  out.write("text");
  out.flush();
  CHECK(out.written() == 4);
  CHECK(out.wait(0ms));
  from.reset();
  CHECK_FALSE(out.wait(0ms));
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  out.write("more");
  CHECK_THROWS_AS(out.flush(), reader_gone);
  std::signal(SIGPIPE, before);

  const test::descriptor full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  writer no_room{full.get(), "the disk"};
  no_room.write("text");
  CHECK(reason_of<failure>([&] { no_room.flush(); })
        == "the disk: No space left on device");
}

TEST_CASE(
  "the schema is printed as it is unless a terminal should not get it") {
  CHECK(printable_lines("CREATE TABLE \"a\\b\" (\n  x\n);\n")
        == "CREATE TABLE \"a\\b\" (\n  x\n);\n");
  CHECK(printable_lines("a\nb\x1b[2J\"\nc") == "a\nb\\x1B[2J\\\"\nc\n");
  CHECK(printable_lines("").empty());
}

TEST_CASE("the text for Prometheus has all statuses and hostile kinds") {
  counts_reply counts;
  counts.counts.push_back({"a\"b\\c\nd", tracking_status::parked, 3});
  counts.oldest_parked = test::t0 + 250us;
  const auto text = dashboard::render_prometheus({4'096, 0, 32}, counts);
  CHECK(text.find("# TYPE waybill_file_bytes gauge\nwaybill_file_bytes 4096\n")
        != std::string::npos);
  CHECK(text.find("waybill_kind_operations{kind=\"a\\\"b\\\\c\\nd\",status="
                  "\"Parked\"} 3\n")
        != std::string::npos);
  CHECK(text.find("status=\"Discarded\"} 0\n") != std::string::npos);
  CHECK(text.find("waybill_oldest_parked_timestamp_seconds "
                  "1795421730.000250\n")
        != std::string::npos);
  CHECK(text.find("oldest_in_flight") == std::string::npos);
  CHECK(test::broken_rule(text) == "(none)");
  CHECK(test::broken_rule(dashboard::render_prometheus({}, {})) == "(none)");
}

// -- files --------------------------------------------------------------------

TEST_CASE("a file gets its name when it is whole") {
  const temp_dir dir;
  const auto file = dir / "out";
  part_file x{file, {}};
  CHECK(::write(x.descriptor(), "a\n", 2) == 2);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(test::mode_of(file + ".part") == 0600);
  x.publish();
  CHECK(read_file(file) == "a\n");
  CHECK_FALSE(std::filesystem::exists(file + ".part"));
}

TEST_CASE("a file that is there is replaced only if that is allowed") {
  const temp_dir dir;
  const auto file = dir / "out";
  write_file(file, "old\n");
  CHECK(reason_of<usage_error>([&] { part_file(file, {}); })
        == file + " is there already; --force replaces it");
  CHECK(reason_of<usage_error>([&] { part_file(file, {.place = "x"}); })
        == file + " is there already; --force replaces it");
  CHECK_FALSE(std::filesystem::exists(file + ".part"));
  part_file x{file, {.overwrite = true}};
  CHECK(read_file(file) == "old\n");
  x.publish();
  CHECK(read_file(file).empty());
}

TEST_CASE("a file that comes in between is not replaced") {
  const temp_dir dir;
  const auto file = dir / "out";
  part_file x{file, {}};
  write_file(file, "theirs\n");
  CHECK(reason_of<failure>([&] { x.publish(); }) == file + ": File exists");
  CHECK(read_file(file) == "theirs\n");
}

TEST_CASE("an unfinished file is written on or refused") {
  const temp_dir dir;
  const auto file = dir / "out";
  const auto begin = [&](const char* place) {
    return reason_of<usage_error>([&] {
      part_file(file, {.place = place == nullptr
                                  ? std::nullopt
                                  : std::optional<std::string>{place}});
    });
  };
  {
    part_file x{file, {}};
    CHECK(::write(x.descriptor(), "a\nb\nc", 5) == 5);
    x.note(2, 1, "first");
    x.note(4, 2, "2nd");
  }
  CHECK(begin(nullptr)
        == file
             + ".part is there, of an export that was stopped: go on with "
               "--cursor 2nd, or start anew with --force");
  CHECK(begin("first") == file + ".part goes on with --cursor 2nd");
  {
    part_file x{file, {.place = "2nd"}};
    CHECK(x.count_before() == 2);
    CHECK(read_file(file + ".part") == "a\nb\n");
    CHECK(::write(x.descriptor(), "d\ne", 3) == 3);
    x.note(2, 1, "3rd");
    CHECK(x.keep(2));
  }
  CHECK(read_file(file + ".part") == "a\nb\nd\n");
  {
    part_file x{file, {.place = "3rd"}};
    CHECK(x.count_before() == 3);
  }
  write_file(file + ".part.at", "6 3 3r");
  CHECK(begin("3rd").find("does not say up to where it is whole")
        != std::string::npos);
  CHECK(begin(nullptr)
        == file
             + ".part is there, of an export that was stopped: start anew "
               "with --force");
  {
    part_file x{file, {.overwrite = true}};
    CHECK_FALSE(x.keep(0));
  }
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("what is no regular file is not written over") {
  const temp_dir dir;
  const auto file = dir / "out";
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  CHECK(reason_of<usage_error>([&] { part_file(file, {.overwrite = true}); })
        == file + " is no regular file");
  const auto other = dir / "other";
  REQUIRE(::symlink("elsewhere", (other + ".part").c_str()) == 0);
  CHECK(reason_of<usage_error>([&] { part_file(other, {.overwrite = true}); })
        == other + ".part is no regular file");
}

TEST_CASE("the store's own files are recognized by any name") {
  const temp_dir dir;
  const auto store = dir / "ops.db";
  write_file(store, "");
  REQUIRE(::symlink("ops.db", (dir / "link").c_str()) == 0);
  for (const auto& name :
       {store, store + "-wal", store + "-shm", store + "-lock",
        dir.path().string() + "/../" + dir.path().filename().string()
          + "/ops.db",
        dir / "link"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(check_is_no_store_file("FILE", name, store), usage_error);
  }
  check_is_no_store_file("FILE", dir / "other.db", store);
}
