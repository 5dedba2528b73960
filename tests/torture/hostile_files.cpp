// Row 17: whoever can write to the store's folder, or send it requests, gets
// nothing to run, nothing overwritten and nothing past a terminal's filter.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <optional>

#include "support/files.hpp"
#include "support/hostile.hpp"
#include "support/plain_sqlite.hpp"
#include "support/requests.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"
#include "waybill/text.hpp"

namespace waybill::torture {

namespace {

using namespace test;
namespace fs = std::filesystem;

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto x = static_cast<unsigned char>(c);
    return (x >= 0x20 && x != 0x7F) || c == '\n';
  });
}

class attacker {
public:
  attacker(report& r, caf::actor_system& system) : r_{r}, system_{system} {}

  void run() {
    using part = void (attacker::*)();
    const std::pair<part, const char*> parts[]
      = {{&attacker::modes, "umasks"},
         {&attacker::wrong_files, "links, pipes and others in a file's place"},
         {&attacker::schemas, "schemas"},
         {&attacker::odd_fields, "odd texts in fields"},
         {&attacker::huge_fields, "texts of 64 MiB to 1 GiB"},
         {&attacker::notices, "names that steer a terminal"}};
    for (const auto& [run_part, what] : parts) {
      const auto before = r_.tries();
      (this->*run_part)();
      r_.figure(std::to_string(r_.tries() - before) + " " + what);
    }
  }

private:
  options options_at(const std::string& file) {
    options x;
    x.file = file;
    x.on_notice = [this](severity, const std::string& text) {
      ++notices_;
      r_.require(is_plain(text), "a notice steers the terminal: " + text);
    };
    return x;
  }

  std::optional<errc> start_fails(const std::string& file, std::string& text) {
    try {
      start(system_, options_at(file));
    } catch (const store_error& e) {
      text = e.what();
      return e.code();
    }
    return std::nullopt;
  }

  void make_store(const std::string& file) {
    auto x = start(system_, options_at(file));
    ask(system_, x.tracker(), enqueue(1));
  }

  // -- modes ------------------------------------------------------------------

  void modes() {
    for (const mode_t mask : {0U, 022U, 077U, 0777U, 0200U, 0400U}) {
      const temp_dir dir;
      const auto before = ::umask(mask);
      {
        auto x = start(system_, options_at(dir / "ops.db"));
        ask(system_, x.tracker(), enqueue(1));
        for (const auto& each : fs::directory_iterator{dir.path()})
          r_.require(mode_of(each.path().string()) == 0600U,
                     each.path().string() + " is not 0600");
        x.stop();
        for (const auto& each : fs::directory_iterator{dir.path()})
          r_.require(mode_of(each.path().string()) == 0600U,
                     each.path().string() + " is not 0600 at the end");
      }
      ::umask(before);
      r_.tried();
    }
  }

  // -- something else in the place of a file ----------------------------------

  void wrong_files() {
    const std::array<const char*, 5> names{"ops.db", "ops.db-wal", "ops.db-shm",
                                           "ops.db-lock", "ops.db-journal"};
    const std::array<const char*, 6> kinds{"link",      "dangling link",
                                           "hard link", "folder",
                                           "pipe",      "link to a store"};
    for (const auto* const name : names)
      for (const std::string kind : kinds)
        for (const auto with_store : {false, true})
          wrong_file(name, kind, with_store);
  }

  void wrong_file(const char* name, const std::string& kind, bool with_store) {
    const temp_dir dir;
    const temp_dir elsewhere;
    const auto target = elsewhere / "victim";
    const auto path = dir / name;
    if (with_store)
      make_store(dir / "ops.db");
    fs::remove(path);
    if (kind == "link to a store")
      make_store(target);
    else
      write_file(target, "a file of someone else");
    ::chmod(target.c_str(), 0644);
    if (kind == "dangling link")
      fs::create_symlink(elsewhere / "nothing", path);
    else if (kind == "hard link")
      fs::create_hard_link(target, path);
    else if (kind == "folder")
      fs::create_directory(path);
    else if (kind == "pipe")
      ::mkfifo(path.c_str(), 0600);
    else
      fs::create_symlink(target, path);
    const auto before = read_file(target);
    const auto label = kind + " for " + name;
    std::string text;
    const auto code = start_fails(dir / "ops.db", text);
    r_.require(code == errc::store_unavailable,
               label + ": not refused, but " + (text.empty() ? "used" : text));
    r_.require(is_plain(text), label + ": the error steers the terminal");
    r_.require(read_file(target) == before, label + ": the target has changed");
    r_.require(mode_of(target) == 0644U, label + ": the target's mode");
    r_.require(!fs::exists(elsewhere / "nothing"), label + ": made a file");
    r_.require(fs::symlink_status(path).type() != fs::file_type::not_found,
               label + ": removed");
    r_.tried();
  }

  // -- schemas ----------------------------------------------------------------

  void schemas() {
    const std::array<const char*, 14> all{
      "CREATE TRIGGER t AFTER INSERT ON operation BEGIN DELETE FROM operation; "
      "END",
      "CREATE TRIGGER t BEFORE UPDATE ON operation BEGIN SELECT "
      "load_extension('x.so'); END",
      "CREATE TRIGGER t AFTER UPDATE ON store BEGIN UPDATE operation SET "
      "status = 2; END",
      "CREATE VIEW v AS SELECT load_extension('x.so')",
      "ALTER TABLE operation RENAME TO real; CREATE VIEW operation AS SELECT * "
      "FROM real",
      "ALTER TABLE name RENAME TO real; CREATE VIEW name AS SELECT 1 AS id, 0 "
      "AS field, hex(randomblob(1000000)) AS text",
      "CREATE INDEX i ON operation (abs(retry_count))",
      "CREATE UNIQUE INDEX i ON operation (kind)",
      "CREATE TABLE \"\x1b]0;owned\x07\" (x)",
      "CREATE VIRTUAL TABLE f USING fts5(x)",
      "ALTER TABLE operation ADD COLUMN g ANY AS (printf('%1000000s', 'x'))",
      "ALTER TABLE store ADD COLUMN c ANY DEFAULT 1 CHECK (random() <> c)",
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
      "replace(sql, 'operations >= 0', 'operations >= 1') WHERE name = "
      "'counter'",
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 "
      "WHERE type = 'table'"};
    for (const auto* const sql : all)
      for (const auto sealed : {true, false}) {
        const temp_dir dir;
        const auto file = dir / "ops.db";
        make_store(file);
        if (sealed)
          open_writer(file).exec(sql);
        else
          sqlite::connection{file, SQLITE_OPEN_READWRITE, ""}.exec(sql);
        const auto before = bytes_in(dir.path());
        std::string text;
        const auto code = start_fails(file, text);
        r_.require(code == errc::not_a_store || code == errc::store_corrupt,
                   std::string{"a hostile schema was accepted: "} + sql);
        r_.require(is_plain(text), "an error steers the terminal");
        r_.require(changes_since(before, dir.path()).empty(),
                   std::string{"files changed: "} + sql);
        r_.tried();
      }
  }

  // -- fields -----------------------------------------------------------------

  /// All text fields that a request stores, by name.
  template <class F>
  static void for_each_text(F&& f) {
    f("kind", [](std::string x) {
      auto q = enqueue(1);
      q.kind = std::move(x);
      return q;
    });
    f("target_summary", [](std::string x) {
      auto q = enqueue(1);
      q.target_summary = std::move(x);
      return q;
    });
    f("source_instance_id", [](std::string x) {
      auto q = enqueue(1);
      q.source_instance_id = std::move(x);
      return q;
    });
    f("source_script", [](std::string x) {
      auto q = enqueue(1);
      q.source_script = std::move(x);
      return q;
    });
    f("source_node", [](std::string x) {
      auto q = enqueue(1);
      q.source_node = std::move(x);
      return q;
    });
    f("last_error", [](std::string x) {
      auto q = attempt(1, 1);
      q.last_error = std::move(x);
      return q;
    });
    f("last_error", [](std::string x) {
      auto q = terminal(1, tracking_status::failed);
      q.last_error = std::move(x);
      return q;
    });
  }

  static const std::string* text_of(const tracking_status_snapshot& x,
                                    std::string_view field_name) {
    const std::string* found = nullptr;
    for_each_field(x, [&](const char* name, const auto& value) {
      using type = std::remove_cvref_t<decltype(value)>;
      if (name != field_name)
        return;
      if constexpr (std::is_same_v<type, std::string>)
        found = &value;
      else if constexpr (std::is_same_v<type, std::optional<std::string>>)
        found = value ? &*value : nullptr;
    });
    return found;
  }

  void odd_fields() {
    const temp_dir dir;
    const auto file = dir / "ops.db";
    std::uint64_t n = 10;
    {
      auto x = start(system_, options_at(file));
      for_each_text([&](const char* name, const auto& make) {
        for (const auto& text : odd_texts) {
          auto request = make(text);
          request.id = id_of(++n);
          if constexpr (!std::is_same_v<decltype(request), record_enqueue>)
            ask(system_, x.tracker(), enqueue(n));
          ask(system_, x.tracker(), request);
          const auto y = ask(system_, x.tracker(), status_of(n)).snapshot;
          const auto* const stored = y ? text_of(*y, name) : nullptr;
          // Errors come from targets, and are made fit to be shown.
          const auto expected = name == std::string_view{"last_error"}
                                  ? tidy(text)
                                  : std::string{text};
          r_.require(stored != nullptr && *stored == expected,
                     std::string{name}
                       + " came back otherwise: " + escape(text));
          r_.require(y && is_plain(to_string(*y)),
                     std::string{name} + " steers the terminal when printed");
          r_.require(y && to_json_text(*y).find('\x1b') == std::string::npos,
                     std::string{name} + " steers the terminal as JSON");
          r_.tried();
        }
        for (const auto& bad : bad_texts) {
          auto request = make(bad.text);
          request.id = id_of(++n);
          refused(x.tracker(), name, request);
        }
      });
    }
    auto db = open_reader(file);
    r_.require(db.query_int("SELECT count(*) FROM operation") > 0,
               "SQL in a field was run");
    r_.require(integrity_of(file) == "ok", "integrity");
  }

  template <class Request>
  void refused(const tracking_actor& tracker, const std::string& name,
               Request request) {
    try {
      ask(system_, tracker, std::move(request), std::chrono::minutes{1});
      r_.violation(name + ": accepted what must be refused");
    } catch (const request_error& e) {
      const std::string text = e.what();
      r_.require(e.code() == errc::invalid_request
                   && text.find(name) != std::string::npos,
                 name + ": refused with " + text.substr(0, 200));
      r_.require(is_plain(text) && text.size() < 1'000,
                 name + ": the refusal steers the terminal, or is endless");
    }
    r_.tried();
  }

  void huge_fields() {
    constexpr std::size_t gibibyte = std::size_t{1} << 30U;
    const temp_dir dir;
    auto x = start(system_, options_at(dir / "ops.db"));
    ask(system_, x.tracker(), enqueue(1));
    for_each_text([&](const char* name, const auto& make) {
      refused(x.tracker(), name, make(std::string(gibibyte, 'x')));
    });
    r_.require(ask(system_, x.tracker(), status_of(1)).snapshot.has_value(),
               "the tracker did not survive");
    // As JSON, where the whole text goes through a parser.
    constexpr std::size_t some = std::size_t{1} << 26U;
    caf::scoped_actor self{system_};
    for (const auto& text :
         {"{\"id\": \"" + std::string(some, 'x') + "\"}",
          std::string(some, '['), "{\"" + std::string(some, 'x') + "\": 1}"}) {
      request(self, x.status_requests(), std::chrono::minutes{1}, text)
        .receive(
          [&](const std::string& answer) {
            r_.require(answer.find("error") != std::string::npos
                         && answer.size() < 2'000 && is_plain(answer),
                       "JSON of 64 MiB: " + answer.substr(0, 200));
          },
          [&](const caf::error& e) {
            r_.violation("JSON of 64 MiB: " + to_failure(e).text);
          });
      r_.tried();
    }
  }

  // A file whose name and content would steer the terminal, and that fails.
  void notices() {
    const temp_dir dir;
    const auto folder = dir.path() / "\x1b[2J\x1b]0;owned\x07";
    fs::create_directory(folder);
    const auto file = (folder / "ops.db").string();
    make_store(file);
    auto bytes = read_file(file);
    for (std::size_t i = 4'096 + 100; i < bytes.size(); i += 512)
      bytes[i] ^= '\x55';
    write_file(file, bytes);
    const auto before = notices_.load();
    std::string told;
    try {
      auto x = start(system_, options_at(file));
      try {
        ask(system_, x.tracker(), enqueue(2));
        r_.violation("damage was not found");
      } catch (const request_error& e) {
        told = e.what();
      }
      r_.require(notices_ > before, "no notice tells of the damage");
      r_.require(is_plain(to_string(ask(system_, x.tracker(), get_health{}))),
                 "health steers the terminal when printed");
    } catch (const store_error& e) {
      told = e.what();
    }
    // An error's text is data: whoever prints it escapes it.
    r_.require(told.find(file) != std::string::npos && is_plain(escape(told)),
               "the error does not name the file: " + escape(told));
    r_.tried();
  }

  report& r_;
  caf::actor_system& system_;
  std::atomic<int> notices_{0};
};

} // namespace

void hostile_files(report& r) {
  actor_config config;
  caf::actor_system system{config};
  attacker{r, system}.run();
}

} // namespace waybill::torture
