// The real command, asked over a socket by friends and others.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <random>

#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "waybill/http_server.hpp"

using namespace std::chrono_literals;
using namespace waybill;

namespace {

// A connection to a server of this machine, which says all at once.
class web_client {
public:
  explicit web_client(int port)
    : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{};
    patience.tv_sec = 20;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience,
                 sizeof patience);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                  sizeof address)
        != 0)
      throw std::runtime_error{"nobody listens"};
  }

  void say(std::string_view text) const {
    // It may have been refused before its end.
    static_cast<void>(
      ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }

  // All that comes until the other side ends.
  [[nodiscard]] std::string hear() const {
    std::string all;
    char bytes[4'096];
    for (;;) {
      const auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (n <= 0)
        return all;
      all.append(bytes, static_cast<std::size_t>(n));
    }
  }

  // What comes until there is `wanted` in it.
  [[nodiscard]] std::string hear_until(std::string_view wanted) const {
    std::string all;
    char bytes[4'096];
    while (all.find(wanted) == std::string::npos) {
      const auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (n <= 0)
        return all;
      all.append(bytes, static_cast<std::size_t>(n));
    }
    return all;
  }

  // Whether the other side has ended the connection by now.
  [[nodiscard]] bool has_ended() const {
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

private:
  test::descriptor socket_;
};

struct serve_fixture : test::store_fixture {
  std::unique_ptr<test::program> server;
  int port = 0;

  void start(std::vector<std::string> more = {}) {
    more.insert(more.begin(),
                {"serve", options.file, "--listen", "127.0.0.1:0"});
    server = std::make_unique<test::program>(
      WAYBILL_COMMAND, test::program::setting{.arguments = std::move(more)});
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (server->out().find('\n') == std::string::npos && server->is_running()
           && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(2ms);
    const auto out = server->out();
    CAPTURE(out, server->err());
    REQUIRE(out.starts_with("http://127.0.0.1:"));
    port = std::stoi(out.substr(out.rfind(':') + 1));
  }

  [[nodiscard]] std::string ask(const std::string& text) const {
    const web_client client{port};
    client.say(text);
    return client.hear();
  }

  [[nodiscard]] std::string get(const std::string& path,
                                const std::string& headers
                                = "Host: localhost\r\n") const {
    return ask("GET " + path + " HTTP/1.1\r\n" + headers
               + "Connection: close\r\n\r\n");
  }

  [[nodiscard]] bool answers() const {
    return get("/").starts_with("HTTP/1.1 200 ");
  }
};

} // namespace

TEST_CASE_METHOD(serve_fixture, "the command serves a store until it is told") {
  store.record_enqueue(test::enqueue(1), test::at(0));
  start();
  const auto page = get("/");
  CHECK(page.starts_with("HTTP/1.1 200 OK"));
  CHECK(page.find("At rest") != std::string::npos);
  CHECK(page.find("Content-Security-Policy: default-src 'self'")
        != std::string::npos);
  // What is committed meanwhile is there at the next question.
  store.record_enqueue(test::enqueue(2), test::at(1));
  const auto list = get("/api/v1/operations?kind=ExternalSystem.CachedCall"
                        "&since=2020-01-01+00%3A00");
  const auto body
    = nlohmann::json::parse(list.substr(list.find("\r\n\r\n") + 4));
  CHECK(body["operations"].size() == 2);
  const auto head = ask("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: "
                        "close\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 "));
  CHECK(head.ends_with("\r\n\r\n"));
  server->signal(SIGTERM);
  CHECK(server->wait() == 0);
}

TEST_CASE_METHOD(serve_fixture, "a hostile client does the server no harm") {
  start();
  CHECK(get("/", "Host: evil.example\r\n").starts_with("HTTP/1.1 421 "));
  CHECK(get("/", "").starts_with("HTTP/1.1 400 "));
  CHECK(get("/", "Host: localhost\r\nHost: localhost\r\n")
          .starts_with("HTTP/1.1 400 "));
  CHECK(get("/", "Host: localhost\r\nX: " + std::string(10'000, 'x') + "\r\n")
          .starts_with("HTTP/1.1 431 "));
  CHECK_FALSE(get("/" + std::string(100'000, 'x')).starts_with("HTTP/1.1 2"));
  CHECK(ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
            "70000\r\n\r\n")
          .starts_with("HTTP/1.1 413 "));
  CHECK(ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\nab")
          .starts_with("HTTP/1.1 405 "));
  CHECK(get("/../../etc/passwd").starts_with("HTTP/1.1 404 "));
  // Half a request, for as long as it likes: others are answered.
  const web_client half{port};
  half.say("GET / HTTP/1.1\r\nHost: loc");
  CHECK(answers());
  std::mt19937_64 random{test::seed_for("a hostile client")};
  for (int i = 0; i < 100; ++i) {
    const web_client client{port};
    std::string bytes = i % 2 == 0 ? "GET /operations?" : "";
    for (auto n = random() % 2'000; n > 0; --n)
      bytes += static_cast<char>(random());
    client.say(bytes + "\r\n\r\n");
  }
  CHECK(answers());
  CHECK(server->is_running());
}

TEST_CASE("a request that takes longer than it may is dropped") {
  using namespace waybill::dashboard;
  server_bounds bounds;
  bounds.request = 0s;
  http_server server{{.host = "127.0.0.1", .port = 0},
                     [](const http_request&) { return http_response{}; },
                     bounds};
  const auto url = server.url();
  const web_client client{std::stoi(url.substr(url.rfind(':') + 1))};
  client.say("GET / HTTP/1.1\r\nHo");
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!client.has_ended() && std::chrono::steady_clock::now() < deadline) {
    server.drop_the_slow();
    std::this_thread::sleep_for(2ms);
  }
  CHECK(client.has_ended());
}

TEST_CASE_METHOD(serve_fixture, "many who say nothing do not keep others out") {
  start();
  std::vector<std::unique_ptr<web_client>> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(std::make_unique<web_client>(port));
  CHECK(answers());
  silent.clear();
  CHECK(answers());
}

TEST_CASE_METHOD(serve_fixture, "a token is asked for where one is given") {
  const auto file = dir / "token";
  test::write_file(file, "0123456789abcdef\n");
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  start({"--token-file", file});
  CHECK(get("/").starts_with("HTTP/1.1 401 "));
  CHECK(get("/metrics", "Host: localhost\r\nAuthorization: Bearer "
                        "0123456789abcdef\r\n")
          .starts_with("HTTP/1.1 200 "));
  const std::string form = "token=0123456789abcdef";
  const auto begun
    = ask("POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: "
          "close\r\nContent-Length: "
          + std::to_string(form.size()) + "\r\n\r\n" + form);
  CHECK(begun.starts_with("HTTP/1.1 303 "));
  CHECK(begun.find("Set-Cookie: waybill_session_") != std::string::npos);
}

TEST_CASE_METHOD(serve_fixture, "what cannot be served is said at once") {
  const auto reason = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "serve");
    test::program x{WAYBILL_COMMAND, {.arguments = std::move(words)}};
    const auto code = x.wait();
    return std::to_string(code) + ' ' + x.err();
  };
  CHECK(reason({dir / "none.db"}).starts_with("3 waybill: "));
  CHECK(reason({options.file, "--listen", "plant:80"}).starts_with("2 "));
  CHECK(reason({options.file, "--listen", "0.0.0.0:0"})
        == "2 waybill: --listen 0.0.0.0 lets other machines in, and needs "
           "--token-file\n");
  const auto file = dir / "token";
  test::write_file(file, "short\n");
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  CHECK(reason({options.file, "--token-file", file})
          .ends_with("must have 16 characters at least\n"));
  std::filesystem::permissions(file, std::filesystem::perms{0644});
  CHECK(
    reason({options.file, "--token-file", file}).ends_with("chmod o= first\n"));
  start();
  CHECK(reason({options.file, "--listen", "127.0.0.1:" + std::to_string(port)})
          .ends_with("Address already in use\n"));
}

TEST_CASE_METHOD(serve_fixture, "who waits hears that the server ends") {
  start();
  const web_client client{port};
  client.say("GET /api/v1/watch?wait=50s HTTP/1.1\r\nHost: localhost\r\n"
             "Connection: close\r\n\r\n");
  CHECK(client.hear_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
  server->signal(SIGTERM);
  CHECK(client.hear().find("\"next\":") != std::string::npos);
  CHECK(server->wait() == 0);
}

TEST_CASE_METHOD(serve_fixture,
                 "streams hear of commits, and end with the server") {
  start();
  std::vector<std::unique_ptr<web_client>> all;
  for (int i = 0; i < 65; ++i) {
    all.push_back(std::make_unique<web_client>(port));
    all.back()->say("GET /api/v1/watch?after=0 HTTP/1.1\r\nHost: localhost\r\n"
                    "Accept: text/event-stream\r\n\r\n");
    const auto head = all.back()->hear_until(i < 64 ? "id: " : "problem");
    CHECK(head.starts_with(i < 64 ? "HTTP/1.1 200 " : "HTTP/1.1 503 "));
  }
  all.pop_back();
  store.record_enqueue(test::enqueue(1), test::at(0));
  for (const auto& each : all)
    CHECK(each->hear_until("Submitted\"").find("data: {") != std::string::npos);
  // Others are answered meanwhile.
  CHECK(answers());
  CHECK(get("/api/v1/watch?after=0&wait=50s").find("Submitted")
        != std::string::npos);
  server->signal(SIGTERM);
  CHECK(server->wait() == 0);
  for (const auto& each : all) {
    static_cast<void>(each->hear());
    CHECK(each->has_ended());
  }
}
