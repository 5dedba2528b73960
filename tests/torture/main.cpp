// Runs rows of the torture suite and prints what they found; see
// docs/reliability.md and scripts/torture.sh.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>

#include "support/temp_dir.hpp"
#include "torture/torture.hpp"

namespace waybill::torture {

namespace {

using clock = std::chrono::steady_clock;

std::string self; // argv[0], made absolute

// Rows are process groups of their own: Ctrl-C reaches this process alone,
// which then ends them.
volatile std::sig_atomic_t interrupted = 0;

// Names a row's folder in memory to its process, and to those that it starts.
constexpr const char* memory_variable = "WAYBILL_TORTURE_MEMORY";

std::filesystem::path memory_folder_for(const char* row) {
  const std::filesystem::path memory{"/dev/shm"};
  std::error_code ignored;
  return (std::filesystem::is_directory(memory, ignored)
            ? memory
            : std::filesystem::temp_directory_path())
         / ("waybill-" + std::to_string(::getpid()) + "-" + row);
}

struct settings {
  bool full = false;
  bool stop_at_first = false;
  std::uint64_t seed = 0;
  std::vector<std::string> only;
  int jobs = 1;
  std::chrono::seconds limit{600};
  std::string json;
};

struct result {
  const row* of;
  std::int64_t tried = 0;
  std::int64_t violations = 0;
  std::int64_t seconds = 0;
  std::string figures;
};

// -- one row, in this process -------------------------------------------------

void write_result(const report& r, const settings& s) {
  const nlohmann::json found{{"tried", r.tries()},
                             {"violations", r.violations()},
                             {"figures", r.figures()}};
  std::ofstream{s.json} << found.dump();
}

int run_here(const row& x, const settings& s) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // nothing stays behind
  report r{x.name, !s.full, s.seed};
  if (s.stop_at_first)
    r.on_first_violation([&] {
      write_result(r, s);
      std::_Exit(0); // the runner clears up
    });
  try {
    x.run(r);
  } catch (const std::exception& e) {
    r.violation(std::string{"ended with "} + e.what());
  }
  if (r.tries() < x.least_in_quick)
    r.violation("only " + std::to_string(r.tries()) + " " + x.unit + ", "
                + std::to_string(x.least_in_quick) + " are due");
  write_result(r, s);
  return 0;
}

// -- all rows, a process each -------------------------------------------------

class running_row {
public:
  running_row(const row& x, const settings& s)
    : row_{x}, seconds_limit_{s.limit} {
    // Tests of users without rights go through it to what they may use.
    using std::filesystem::perms;
    std::filesystem::permissions(scratch_.path(),
                                 perms::group_exec | perms::others_exec,
                                 std::filesystem::perm_options::add);
    std::vector<std::string> words{self,
                                   "--row",
                                   x.name,
                                   "--json",
                                   scratch_ / "result",
                                   "--seed",
                                   std::to_string(s.seed)};
    words.emplace_back(s.full ? "--full" : "--quick");
    if (s.stop_at_first)
      words.emplace_back("--stop-at-first");
    std::vector<char*> pointers;
    for (auto& word : words)
      pointers.push_back(word.data());
    pointers.push_back(nullptr);
    // A scratch folder of its own, so that a row that is killed leaves nothing
    // behind; a process group of its own, so that its children go with it.
    std::vector<std::string> variables{"TMPDIR=" + scratch_.path().string(),
                                       std::string{memory_variable} + "="
                                         + memory_.string()};
    for (auto** each = environ; *each != nullptr; ++each)
      if (!std::string_view{*each}.starts_with("TMPDIR="))
        variables.emplace_back(*each);
    std::vector<char*> variable_pointers;
    for (auto& each : variables)
      variable_pointers.push_back(each.data());
    variable_pointers.push_back(nullptr);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const auto code = ::posix_spawn(&pid_, self.c_str(), nullptr, &attributes,
                                    pointers.data(), variable_pointers.data());
    ::posix_spawnattr_destroy(&attributes);
    if (code != 0)
      throw std::runtime_error{"cannot run " + self};
  }

  ~running_row() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      remove_memory_folder();
    }
  }

  running_row(const running_row&) = delete;
  running_row& operator=(const running_row&) = delete;

  [[nodiscard]] bool alone() const { return row_.when == turn::alone; }

  /// What it found, once it has ended.
  std::optional<result> poll() {
    const auto spent = clock::now() - began_;
    int status = 0;
    const auto ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    if (!ended && spent < seconds_limit_)
      return std::nullopt;
    result found{
      .of = &row_,
      .tried = 0,
      .violations = 0,
      .seconds
      = std::chrono::duration_cast<std::chrono::seconds>(spent).count(),
      .figures = {}};
    ::kill(-pid_, SIGKILL); // what it started goes with it
    if (!ended) {
      ::waitpid(pid_, nullptr, 0);
      found.figures = "HUNG";
    } else if (WIFSIGNALED(status)) {
      found.figures = "CRASHED by signal " + std::to_string(WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
      found.figures = "EXIT CODE " + std::to_string(WEXITSTATUS(status));
    }
    remove_memory_folder();
    pid_ = -1;
    const auto file = nlohmann::json::parse(std::ifstream{scratch_ / "result"},
                                            nullptr, false);
    if (!found.figures.empty() || file.is_discarded()) {
      found.violations = 1;
      return found;
    }
    found.tried = file["tried"];
    found.violations = file["violations"];
    found.figures = file["figures"];
    return found;
  }

private:
  void remove_memory_folder() const {
    std::error_code ignored;
    std::filesystem::remove_all(memory_, ignored);
  }

  const row& row_;
  const std::chrono::seconds seconds_limit_;
  const test::temp_dir scratch_;
  const std::filesystem::path memory_ = memory_folder_for(row_.name);
  const clock::time_point began_ = clock::now();
  pid_t pid_ = -1;
};

std::vector<result> run_all(const std::vector<const row*>& wanted,
                            const settings& s) {
  std::vector<result> results;
  std::list<running_row> running;
  auto next = wanted.begin();
  while (interrupted == 0 && (next != wanted.end() || !running.empty())) {
    const auto may_start = [&] {
      if (next == wanted.end()
          || running.size() >= static_cast<std::size_t>(s.jobs))
        return false;
      const auto busy = [](const running_row& x) { return x.alone(); };
      return running.empty()
             || ((*next)->when != turn::alone
                 && std::ranges::none_of(running, busy));
    };
    while (may_start()) {
      std::cerr << "== " << (*next)->number << " " << (*next)->name << ": "
                << (*next)->what << std::endl;
      running.emplace_back(**next++, s);
    }
    for (auto each = running.begin(); each != running.end();) {
      if (auto found = each->poll()) {
        std::cerr << "== " << found->of->name << ": "
                  << (found->violations == 0 ? "ok" : "VIOLATED") << " after "
                  << found->seconds << " s" << std::endl;
        results.push_back(std::move(*found));
        each = running.erase(each);
      } else {
        ++each;
      }
    }
    ::poll(nullptr, 0, 20);
  }
  std::ranges::sort(results, {}, [](const result& x) { return x.of->number; });
  return results;
}

void print(const std::vector<result>& results) {
  std::cout << "\n| # | test | tried | violations | s | figures |\n"
               "|---|---|---|---|---|---|\n";
  for (const auto& x : results)
    std::cout << "| " << x.of->number << " | " << x.of->name << ": "
              << x.of->what << " | " << x.tried << " " << x.of->unit << " | "
              << x.violations << " | " << x.seconds << " | " << x.figures
              << " |\n";
  std::cout << std::flush;
}

// A number may stand for several.
std::vector<const row*> find_rows(const std::string& name) {
  std::vector<const row*> found;
  for (const auto& x : rows())
    if (x.name == name || std::to_string(x.number) == name)
      found.push_back(&x);
  return found;
}

int run(int argc, char** argv) {
  if (argc > 2 && std::string_view{argv[1]} == "--child") {
    for (const auto& x : children())
      if (std::string_view{x.name} == argv[2])
        return x.run({argv + 3, argv + argc});
    return 97;
  }
  CLI::App app{"Tries to break waybill's promises, row by row of "
               "docs/reliability.md."};
  settings s;
  s.seed = std::random_device{}();
  bool quick = false;
  bool list = false;
  std::string row_here;
  app.add_flag("--quick", quick, "five minutes on two cores (the default)");
  app.add_flag("--full", s.full, "an hour on two cores")->excludes("--quick");
  app.add_flag("--list", list, "say which rows there are, and end");
  app.add_option("--seed", s.seed, "repeat the run with that seed");
  app.add_option("--only", s.only, "only these rows, by name or number")
    ->delimiter(',');
  app.add_option("--jobs", s.jobs, "rows that may run at a time")
    ->check(CLI::Range(1, 64))
    ->capture_default_str();
  app.add_flag("--stop-at-first", s.stop_at_first,
               "end a row at its first violation");
  app.add_option("--json", s.json, "write the results there as JSON too");
  app.add_option("--row", row_here)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (!row_here.empty())
    return run_here(*find_rows(row_here).at(0), s);
  if (list) {
    for (const auto& x : rows())
      std::cout << std::setw(3) << x.number << "  " << x.name << ": " << x.what
                << '\n';
    return 0;
  }
  std::vector<const row*> wanted;
  for (const auto& name : s.only) {
    const auto found = find_rows(name);
    if (found.empty()) {
      std::cerr << "--only: there is no row \"" << name << "\"; see --list\n";
      return 2;
    }
    wanted.insert(wanted.end(), found.begin(), found.end());
  }
  if (wanted.empty())
    for (const auto& x : rows())
      wanted.push_back(&x);
  std::ranges::stable_sort(wanted, {}, &row::when);
  if (s.full)
    s.limit = std::chrono::hours{3};
  std::cerr << "seed " << s.seed << std::endl;
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  const auto results = run_all(wanted, s);
  print(results);
  if (interrupted != 0) {
    std::cerr << "interrupted" << std::endl;
    return 130;
  }
  if (!s.json.empty()) {
    auto all = nlohmann::json::array();
    for (const auto& x : results)
      all.push_back({{"number", x.of->number},
                     {"name", x.of->name},
                     {"what", x.of->what},
                     {"unit", x.of->unit},
                     {"tried", x.tried},
                     {"violations", x.violations},
                     {"seconds", x.seconds},
                     {"figures", x.figures}});
    std::ofstream{s.json} << all.dump(2) << '\n';
  }
  return std::ranges::all_of(results,
                             [](const result& x) { return x.violations == 0; })
           ? 0
           : 1;
}

} // namespace

std::string own_path() {
  return self;
}

std::string memory_folder() {
  const auto* const named = std::getenv(memory_variable);
  const auto folder = named != nullptr ? std::filesystem::path{named}
                                       : memory_folder_for("row");
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  return folder.string();
}

} // namespace waybill::torture

int main(int argc, char** argv) {
  waybill::torture::self
    = std::filesystem::canonical("/proc/self/exe").string();
  return waybill::torture::run(argc, argv);
}
