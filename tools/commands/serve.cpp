#include "commands/serve.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "waybill/router.hpp"
#include "waybill/text.hpp"
#include "waybill/unix_socket.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;
using dashboard::service_facts;

// A service that does not answer holds a page up for so long, and is asked
// again after a while only.
constexpr auto service_patience = 300ms;
constexpr auto service_memory = 1s;
// What operators do is a step at a time, and others wait for it.
constexpr auto act_patience = 5s;

// What the service says, asked once a second at most.
class service_view {
public:
  explicit service_view(std::string file) : file_{std::move(file)} {}

  std::optional<service_facts> look() {
    const auto now = std::chrono::steady_clock::now();
    if (!looked_ || now - *looked_ >= service_memory) {
      said_ = ask();
      looked_ = std::chrono::steady_clock::now();
    }
    return said_;
  }

private:
  [[nodiscard]] std::optional<service_facts> ask() const {
    service_facts x;
    try {
      auto client = service_client::connect(file_, service_patience);
      if (!client)
        return std::nullopt;
      x.health = client->ask(get_health{});
      x.stats = client->ask(get_stats{});
    } catch (const std::exception& e) {
      x.health = {};
      x.health.state = health_state::failed;
      x.health.reason = std::string{"the service does not answer: "} + e.what();
    }
    return x;
  }

  const std::string file_;
  std::optional<std::chrono::steady_clock::time_point> looked_;
  std::optional<service_facts> said_;
};

std::optional<service_client> reach_service(const std::string& file) {
  try {
    return service_client::connect(file, act_patience);
  } catch (const failure& e) {
    throw operator_error{errc::store_unavailable, e.what()};
  }
}

// A connection for each line: the service may have gone or come meanwhile.
std::optional<std::string> pass_on(const std::string& file,
                                   const std::string& line) {
  auto client = reach_service(file);
  if (!client)
    return std::nullopt;
  try {
    return client->exchange(line);
  } catch (const failure& e) {
    throw operator_error{errc::outcome_unknown, e.what()};
  }
}

void check_listens_safely(const serve_options& x) {
  if (x.actions && x.metrics_only)
    throw usage_error{"--actions and --metrics-only are at odds"};
  if (!x.listen.is_loopback() && !x.token_file)
    throw usage_error{"--listen " + x.listen.host
                      + " lets other machines in, and needs --token-file"};
}

dashboard::site site_of(const context& c, const serve_options& x) {
  dashboard::site about;
  about.name = std::filesystem::path{c.file()}.filename().string();
  about.version = WAYBILL_VERSION;
  about.where = c.where();
  about.metrics_only = x.metrics_only;
  about.access.host_names = x.host_names;
  if (x.token_file) {
    about.access.token = read_token(*x.token_file);
    about.access.session = dashboard::make_session();
    about.access.cookie += '_'
                           + std::to_string(std::hash<std::string>{}(c.file()));
  }
  about.ask_service = [view = std::make_shared<service_view>(c.file())] {
    return view->look();
  };
  if (x.actions)
    about.actions = dashboard::action_link{
      user_name(::geteuid()), [file = c.file()](const std::string& line) {
        return pass_on(file, line);
      }};
  return about;
}

// Best effort: there may be no browser. It is none of ours: the Ctrl-C that
// ends us does not reach it, and who reads what we print does not wait for it.
void open_browser(context& c, const std::string& url) {
  std::string program = "xdg-open";
  auto address = url;
  char* const words[] = {program.data(), address.data(), nullptr};
  std::signal(SIGCHLD, SIG_IGN); // nobody waits for it
  posix_spawnattr_t how;
  posix_spawn_file_actions_t files;
  if (::posix_spawnattr_init(&how) != 0)
    return;
  if (::posix_spawn_file_actions_init(&files) != 0) {
    ::posix_spawnattr_destroy(&how);
    return;
  }
  sigset_t usual;
  sigemptyset(&usual);
  for (const auto each : {SIGCHLD, SIGPIPE, SIGXFSZ})
    sigaddset(&usual, each);
  ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setsigdefault(&how, &usual);
  for (const auto fd : {STDIN_FILENO, STDOUT_FILENO})
    ::posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  pid_t child = -1;
  if (::posix_spawnp(&child, program.c_str(), &files, &how, words, environ)
      != 0)
    c.note("no browser could be opened: there is no xdg-open");
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&how);
}

void tell_address(context& c, const serve_options& x, const std::string& url) {
  const auto address = x.metrics_only ? url + "metrics" : url;
  if (c.json())
    c.print_json(json_text({{"url", address}}));
  else
    c.out().write(address + '\n');
  c.out().flush();
}

} // namespace

command setup_serve(CLI::App& parent) {
  auto x = std::make_shared<serve_options>();
  auto& app = add_command(parent, "serve",
                          "show the store in a browser, and as JSON");
  add_text(app, "FILE", x->file, "FILE", "the store; without it --db");
  const auto read_address = [x](const std::string& text) {
    const auto address = dashboard::parse_listen_address(text);
    if (!address)
      must_be("--listen", "an address and a port like 127.0.0.1:8080", text);
    x->listen = *address;
  };
  add_value(app, "--listen", read_address, "ADDRESS:PORT",
            "where (127.0.0.1:8080); port 0: any that is free");
  add_text(app, "--token-file", x->token_file, "FILE",
           "ask for the token that is its first line; needed\n"
           "where other machines reach the address");
  add_texts(app, "--host-name", x->host_names, "NAME",
            "by which name it is asked besides localhost and\n"
            "addresses; may be repeated");
  add_switch(app, "--metrics-only", x->metrics_only,
             "nothing but /metrics, for Prometheus");
  add_switch(app, "--actions", x->actions,
             "let operators discard, requeue, pause, resume and\n"
             "purge, through the service that runs on the store");
  add_switch(app, "--open", x->open, "open a browser");
  add_footer(app, "Prints its address, and ends with Ctrl-C. It only reads the "
                  "file, beside a\n"
                  "service or at rest, and asks the service how it is.\n"
                  "\n"
                  "With --actions the service hears the user who runs this, "
                  "and a name if one is\n"
                  "given; without --token-file whoever has an account on this "
                  "machine can act.\n"
                  "\n"
                  "Examples:\n"
                  "  waybill serve track.db\n"
                  "  waybill serve track.db --listen 0.0.0.0:8080 "
                  "--token-file token");
  return {&app, [x](context& c) { return run_serve(c, *x); },
          [x] { return x->file; }};
}

exit_code run_serve(context& c, const serve_options& x) {
  if (!dashboard::has_http_server())
    throw failure{"serve: this waybill was built without libmicrohttpd; build "
                  "it where libmicrohttpd-dev is installed"};
  check_listens_safely(x);
  // What is wrong with the file is said now.
  static_cast<void>(c.open_reader().size());
  dashboard::router router{site_of(c, x), c.file()};
  stop_on_signals();
  try {
    dashboard::http_server server{x.listen,
                                  [&](const dashboard::http_request& asked) {
                                    return router.answer(asked);
                                  }};
    if (x.actions && !x.token_file)
      c.note("all users of this machine can act here; --token-file keeps "
             "others out");
    tell_address(c, x, server.url());
    if (x.open)
      open_browser(c, server.url());
    constexpr int look_again_ms = 200;
    while (!stop_asked()) {
      ::poll(nullptr, 0, look_again_ms);
      server.drop_the_slow();
    }
    router.close();
  } catch (const dashboard::server_error& e) {
    throw failure{"serve: " + x.listen.host + ':'
                  + std::to_string(x.listen.port) + ": " + e.what()};
  }
  return exit_code::ok;
}

std::string read_token(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0)
    throw usage_error{"--token-file: there is no " + escape(file)};
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    throw usage_error{"--token-file: everybody may read " + escape(file)
                      + "; chmod o= first"};
  std::ifstream in{file};
  std::string token;
  std::getline(in, token);
  while (token.ends_with('\r') || token.ends_with(' '))
    token.pop_back();
  constexpr std::size_t least = 16;
  if (token.size() < least)
    throw usage_error{"--token-file: the first line of " + escape(file)
                      + " must have 16 characters at least"};
  return token;
}

} // namespace waybill::cli
