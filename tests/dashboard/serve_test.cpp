// The real command, asked over a socket by friends and others.
#include <poll.h>

#include <filesystem>
#include <random>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "support/web_client.hpp"
#include "waybill/http_server.hpp"
#include "waybill/operator_messages.hpp"
#include "waybill/unix_socket.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using test::web_client;

namespace {

struct serve_fixture : test::store_fixture {
  std::unique_ptr<test::program> server;
  int port = 0;

  void start(std::vector<std::string> more = {}) {
    more.insert(more.begin(),
                {"serve", options.file, "--listen", "127.0.0.1:0"});
    server = std::make_unique<test::program>(
      WAYBILL_COMMAND, test::program::setting{.arguments = std::move(more)});
    port = test::port_of(*server);
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

// -- acts ---------------------------------------------------------------------

namespace {

// In the place of a service, listens on the socket beside a file, and answers
// whatever it is asked with a text, as its test tells it.
class scripted_service {
public:
  explicit scripted_service(const std::string& file)
    : listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const socket_address address{operator_socket_of(file)};
    if (::bind(listener_.get(), address.get(), socket_address::size()) != 0
        || ::listen(listener_.get(), 8) != 0)
      throw std::runtime_error{"cannot listen beside " + file};
  }

  // The next one who comes is answered so, and let go.
  void answer(const std::string& text) const {
    pollfd coming{listener_.get(), POLLIN, 0};
    REQUIRE(::poll(&coming, 1, 20'000) == 1);
    const test::descriptor asker{
      ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    char bytes[4'096];
    std::string line;
    while (line.find('\n') == std::string::npos) {
      const auto n = ::recv(asker.get(), bytes, sizeof bytes, 0);
      REQUIRE(n > 0);
      line.append(bytes, static_cast<std::size_t>(n));
    }
    static_cast<void>(
      ::send(asker.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }

private:
  test::descriptor listener_;
};

} // namespace

TEST_CASE_METHOD(serve_fixture,
                 "acts are passed on to the service that listens, and to no "
                 "one without it") {
  const std::string body = R"({"target":"plant","reason":"MES is updated"})";
  const std::string path = "/api/v1/pause";
  start();
  CHECK(test::post_json(port, path, body).starts_with("HTTP/1.1 404 "));
  start({"--actions"});
  CHECK(server->err().find("all users of this machine can act here")
        != std::string::npos);
  const auto alone = test::post_json(port, path, body);
  CHECK(alone.starts_with("HTTP/1.1 503 "));
  CHECK(alone.find("no service runs on the store") != std::string::npos);
  {
    const auto reply = to_operator_reply(
      pause_reply{pause_outcome::applied, target_pause{{}, "anna", "why"}});
    const scripted_service service{options.file};
    const auto answered_with = [&](const std::string& text) {
      const auto client = test::send_json(port, path, body);
      service.answer(text);
      return client.hear();
    };
    const auto done = answered_with(reply + "\n");
    CHECK(done.starts_with("HTTP/1.1 200 "));
    CHECK(done.find("\"applied\"") != std::string::npos);
    // It ends in the middle of its answer.
    const auto half = answered_with(reply.substr(0, reply.size() / 2));
    CHECK(half.starts_with("HTTP/1.1 504 "));
    CHECK(half.find("may be done all the same") != std::string::npos);
    CHECK(answered_with("no JSON\n").starts_with("HTTP/1.1 504 "));
  }
  CHECK(test::post_json(port, path, body).starts_with("HTTP/1.1 503 "));
  CHECK(answers());
}

TEST_CASE_METHOD(serve_fixture, "acts that another site asks for, or too long "
                                "ones, are refused on the wire") {
  start({"--actions"});
  const std::string body = R"({"target":"plant","reason":"x"})";
  const std::string json = "Content-Type: application/json\r\n";
  const auto status = [&](const std::string& headers, const std::string& text) {
    return test::send_json(port, "/api/v1/pause", text, headers)
      .hear()
      .substr(9, 3);
  };
  CHECK(status(json + "Origin: http://evil.example\r\n", body) == "403");
  CHECK(status(json + "Sec-Fetch-Site: cross-site\r\n", body) == "403");
  CHECK(status("Content-Type: text/plain\r\n", body) == "415");
  CHECK(status("", body) == "415");
  CHECK(status(json, "{") == "400");
  CHECK(ask("POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\n" + json
            + "Content-Length: 70000\r\n\r\n")
          .starts_with("HTTP/1.1 413 "));
  CHECK(status(json
                 + "Origin: http://localhost\r\nSec-Fetch-Site: same-origin"
                   "\r\n",
               body)
        == "503");
  test::program odd{WAYBILL_COMMAND,
                    {.arguments = {"serve", options.file, "--actions",
                                   "--metrics-only"}}};
  CHECK(odd.wait() == 2);
  CHECK(odd.err() == "waybill: --actions and --metrics-only are at odds\n");
}
