// Lines on a Unix socket: one at a time and in order, with bounds on who comes
// and what.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <mutex>

#include "support/actors.hpp"
#include "support/child_process.hpp"
#include "support/files.hpp"
#include "support/line_client.hpp"
#include "waybill/line_server.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Answers each line with itself, or when it is told to.
struct echo {
  temp_dir dir;
  std::string path = dir / "x.sock";
  line_server_limits limits{.connections = 3,
                            .line_bytes = 100,
                            .idle = 1h,
                            .too_many = "too many",
                            .too_long = "too long"};
  std::mutex mutex;
  bool at_once = true;
  std::vector<std::pair<std::string, line_server::answer_function>> heard;
  std::unique_ptr<line_server> server;

  void start() {
    server = std::make_unique<line_server>(
      path, limits,
      [this](const std::string& line, uid_t,
             const line_server::answer_function& reply) {
        const std::lock_guard guard{mutex};
        heard.emplace_back(line, reply);
        if (at_once)
          reply("<" + line + ">");
      });
  }

  void answer(std::size_t n, std::string line) {
    const std::lock_guard guard{mutex};
    heard.at(n).second(std::move(line));
  }

  [[nodiscard]] std::size_t num_heard() {
    const std::lock_guard guard{mutex};
    return heard.size();
  }
};

bool listens_at(const std::string& path) {
  try {
    line_client{path};
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

} // namespace

TEST_CASE_METHOD(echo, "lines of a connection are answered in order, however "
                       "they come") {
  start();
  line_client client{path};
  CHECK(client.send("one\n"));
  CHECK(client.receive() == "<one>");
  CHECK(client.send("two\nthree\n\nfo"));
  CHECK(client.receive() == "<two>");
  CHECK(client.receive() == "<three>");
  CHECK(client.receive() == "<>");
  CHECK(client.send("ur\n"));
  CHECK(client.receive() == "<four>");
  line_client other{path};
  CHECK(other.send("five\n"));
  CHECK(other.receive() == "<five>");
}

TEST_CASE_METHOD(echo, "a connection is owed one answer at a time") {
  at_once = false;
  start();
  line_client client{path};
  CHECK(client.send("one\ntwo\n"));
  CHECK(eventually([&] { return num_heard() == 1; }));
  line_client other{path};
  CHECK(other.send("x\n"));
  CHECK(eventually([&] { return num_heard() == 2; }));
  answer(0, "first");
  CHECK(client.receive() == "first");
  CHECK(eventually([&] { return num_heard() == 3; }));
  const std::lock_guard guard{mutex};
  CHECK(heard.back().first == "two");
}

TEST_CASE_METHOD(echo, "an answer for who has gone is dropped") {
  at_once = false;
  start();
  {
    line_client client{path};
    CHECK(client.send("one\n"));
    CHECK(eventually([&] { return num_heard() == 1; }));
  }
  answer(0, "late");
  {
    const std::lock_guard guard{mutex};
    at_once = true;
  }
  line_client client{path};
  CHECK(client.send("two\n"));
  CHECK(client.receive() == "<two>");
}

TEST_CASE_METHOD(echo, "a line without an end is cut off at its bound") {
  start();
  line_client client{path};
  CHECK(client.send(std::string(100, 'x') + "\n"));
  CHECK(client.receive() == "<" + std::string(100, 'x') + ">");
  client.send(std::string(101, 'x') + "\n");
  CHECK(client.receive() == "too long");
  CHECK(client.is_closed());
  line_client endless{path};
  while (endless.send(std::string(65'536, 'y'))) {
  }
  line_client next{path};
  CHECK(next.send("z\n"));
  CHECK(next.receive() == "<z>");
}

TEST_CASE_METHOD(echo,
                 "connections are bounded, and one that ends makes room") {
  start();
  std::vector<line_client> clients;
  for (std::size_t i = 0; i < limits.connections; ++i) {
    clients.emplace_back(path);
    CHECK(clients.back().send("in\n"));
    CHECK(clients.back().receive() == "<in>");
  }
  for (int i = 0; i < 500; ++i) {
    line_client more{path};
    CHECK(more.receive() == "too many");
    CHECK(more.is_closed());
  }
  clients.pop_back();
  CHECK(eventually([&] {
    line_client again{path};
    again.send("in\n");
    return again.receive() == "<in>";
  }));
}

TEST_CASE_METHOD(echo,
                 "who says nothing for long is let go, who waits is not") {
  limits.idle = 50ms;
  at_once = false;
  start();
  line_client waits{path};
  CHECK(waits.send("one\n"));
  line_client half{path};
  CHECK(half.send("ha"));
  line_client silent{path};
  CHECK(half.is_closed());
  CHECK(silent.is_closed());
  answer(0, "first");
  CHECK(waits.receive() == "first");
}

TEST_CASE_METHOD(echo, "who does not read holds nobody up, and is let go") {
  limits.idle = 50ms;
  limits.connections = 1;
  at_once = false;
  start();
  line_client deaf{path};
  CHECK(deaf.send("one\n"));
  CHECK(eventually([&] { return num_heard() == 1; }));
  {
    const std::lock_guard guard{mutex};
    at_once = true;
  }
  answer(0, std::string(4'000'000, 'x'));
  CHECK(eventually([&] {
    line_client other{path};
    other.send("two\n");
    return other.receive() == "<two>";
  }));
  CHECK(deaf.receive() == ""); // without an end
}

TEST_CASE_METHOD(echo,
                 "a socket is its owner's only, and goes with its server") {
  start();
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  server.reset();
  CHECK_FALSE(std::filesystem::exists(path));
  SECTION("one that was left behind is replaced") {
    CHECK(in_child([&] {
            start();
            return 0; // without its destructor
          })
          == 0);
    CHECK(std::filesystem::exists(path));
    CHECK_FALSE(listens_at(path));
    start();
    CHECK(listens_at(path));
  }
  SECTION("one where somebody else listens is taken over") {
    start();
    auto other = std::move(server);
    start();
    other.reset(); // who leaves what is not theirs
    line_client client{path};
    CHECK(client.send("one\n"));
    CHECK(client.receive() == "<one>");
  }
  SECTION("what is no socket stays") {
    write_file(path, "precious");
    CHECK_THROWS_WITH(start(), path
                                 + ": is something else than a socket: "
                                   "File exists");
    CHECK(read_file(path) == "precious");
  }
  SECTION("one that somebody else has put there stays") {
    start();
    std::filesystem::remove(path);
    write_file(path, "precious");
    server.reset();
    CHECK(read_file(path) == "precious");
  }
}

TEST_CASE_METHOD(echo,
                 "a socket may have a longer path than an address holds") {
  const auto folder = dir / std::string(120, 'd').c_str();
  std::filesystem::create_directory(folder);
  path = folder + "/x.sock";
  start();
  CHECK(std::filesystem::is_socket(path));
  std::filesystem::create_symlink(folder, dir / "short");
  line_client client{dir / "short/x.sock"};
  CHECK(client.send("one\n"));
  CHECK(client.receive() == "<one>");
  path = folder + "/" + std::string(120, 'x') + ".sock";
  CHECK_THROWS_WITH(start(), path + ": cannot be a socket: File name too long");
}

TEST_CASE_METHOD(echo, "who is another user is not served") {
  if (::geteuid() != 0) // who could let nobody in
    return;
  start();
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(path.c_str(), 0777) == 0);
  child_process stranger{[&](const child_process&) {
    if (::setgid(65'534) != 0 || ::setuid(65'534) != 0)
      return 1;
    line_client client{path};
    client.send("one\n");
    return client.receive().empty() ? 0 : 2;
  }};
  CHECK(stranger.wait() == 0);
  CHECK(num_heard() == 0);
}
