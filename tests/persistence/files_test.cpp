// The store's files: their modes, and what is refused as a database file.

#include <sys/stat.h>
#include <unistd.h>

#include "support/child_process.hpp"
#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Sets the umask for a scope.
class umask_guard {
public:
  explicit umask_guard(mode_t mask) : before_{::umask(mask)} {}
  ~umask_guard() { ::umask(before_); }
  umask_guard(const umask_guard&) = delete;
  umask_guard& operator=(const umask_guard&) = delete;

private:
  mode_t before_;
};

struct files_fixture {
  temp_dir dir;

  // `file` must be refused with `code`, and all files be as before.
  void refused(errc code, const std::string& file, std::string_view reason) {
    const auto before = names();
    const auto e
      = error_of([&] { operation_tracking_store{options_for(file)}; });
    CAPTURE(file, e.text);
    CHECK(e.code == code);
    CHECK(e.mentions(reason));
    CHECK(names() == before);
  }

  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& each : std::filesystem::directory_iterator{dir.path()})
      all.push_back(each.path().filename().string());
    std::ranges::sort(all);
    return all;
  }
};

} // namespace

TEST_CASE_METHOD(files_fixture,
                 "all files have mode 0600, whatever the umask") {
  for (const mode_t mask : {0000U, 0022U, 0077U, 0277U, 0777U}) {
    const umask_guard guard{mask};
    const temp_dir inner;
    const auto file = inner / "ops.db";
    operation_tracking_store store{options_for(file)};
    store.record_enqueue(enqueue(1), at(0));
    CAPTURE(mask);
    CHECK(mode_of(file) == 0600);
    CHECK(mode_of(file + "-wal") == 0600);
    CHECK(mode_of(file + "-shm") == 0600);
    CHECK(mode_of(file + "-lock") == 0600);
  }
}

TEST_CASE_METHOD(files_fixture,
                 "a proper close leaves the database and an empty lock file") {
  {
    operation_tracking_store store{options_for(dir / "ops.db")};
    store.record_enqueue(enqueue(1), at(0));
    CHECK(names()
          == std::vector<std::string>{"ops.db", "ops.db-lock", "ops.db-shm",
                                      "ops.db-wal"});
  }
  CHECK(names() == std::vector<std::string>{"ops.db", "ops.db-lock"});
  CHECK(read_file(dir / "ops.db-lock").empty());
}

TEST_CASE_METHOD(files_fixture, "a name that names no file is refused") {
  refused(errc::store_unavailable, "", "must not be empty");
  refused(errc::store_unavailable, dir / ".", "not the name of a file");
  refused(errc::store_unavailable, dir / "..", "not the name of a file");
  refused(errc::store_unavailable, dir.path().string() + "/", "not the name");
  refused(errc::store_unavailable, (dir / "a") + '\0' + "b", "NUL");
  refused(errc::store_unavailable, dir / std::string(300, 'x').c_str(),
          std::string(300, 'x'));
}

TEST_CASE_METHOD(files_fixture, "a missing folder is refused, not made") {
  refused(errc::store_unavailable, dir / "no/such/ops.db",
          "No such file or directory");
  write_file(dir / "plain", "");
  refused(errc::store_unavailable, dir / "plain/ops.db", "Not a directory");
}

TEST_CASE_METHOD(files_fixture, "a directory is refused") {
  std::filesystem::create_directory(dir / "ops.db");
  refused(errc::store_unavailable, dir / "ops.db", "is a directory");
}

TEST_CASE_METHOD(files_fixture, "a symbolic link is refused, also a dangling "
                                "one") {
  { operation_tracking_store{options_for(dir / "real.db")}; }
  const auto before = read_file(dir / "real.db");
  std::filesystem::create_symlink(dir / "real.db", dir / "link.db");
  std::filesystem::create_symlink(dir / "nothing.db", dir / "dangling.db");
  refused(errc::store_unavailable, dir / "link.db", "is a symbolic link");
  refused(errc::store_unavailable, dir / "dangling.db", "is a symbolic link");
  CHECK_FALSE(std::filesystem::exists(dir / "nothing.db"));
  CHECK(read_file(dir / "real.db") == before);
}

TEST_CASE_METHOD(files_fixture, "a link in the place of the lock is refused") {
  std::filesystem::create_symlink(dir / "victim", dir / "ops.db-lock");
  refused(errc::store_unavailable, dir / "ops.db", "ops.db-lock");
  CHECK_FALSE(std::filesystem::exists(dir / "victim"));
}

TEST_CASE_METHOD(files_fixture, "a file with two hard links is refused") {
  { operation_tracking_store{options_for(dir / "one.db")}; }
  std::filesystem::create_hard_link(dir / "one.db", dir / "two.db");
  refused(errc::store_unavailable, dir / "one.db", "hard link");
  refused(errc::store_unavailable, dir / "two.db", "hard link");
  std::filesystem::remove(dir / "two.db");
  CHECK_NOTHROW(operation_tracking_store{options_for(dir / "one.db")});
}

TEST_CASE_METHOD(files_fixture, "a FIFO and a device are refused at once") {
  REQUIRE(::mkfifo((dir / "ops.db").c_str(), 0600) == 0);
  refused(errc::store_unavailable, dir / "ops.db", "not a regular file");
  refused(errc::store_unavailable, "/dev/null", "not a regular file");
}

TEST_CASE_METHOD(files_fixture,
                 "a file marked read-only is refused, also to root") {
  {
    operation_tracking_store store{options_for(dir / "ops.db")};
    store.record_enqueue(enqueue(1), at(0));
  }
  ::chmod((dir / "ops.db").c_str(), 0444);
  const auto before = bytes_in(dir.path());
  refused(errc::store_unavailable, dir / "ops.db", "is read-only");
  CHECK(changes_since(before, dir.path()) == "");
  CHECK(mode_of(dir / "ops.db") == 0444);
}

TEST_CASE_METHOD(files_fixture, "an empty file becomes a new store") {
  write_file(dir / "ops.db", "");
  operation_tracking_store store{options_for(dir / "ops.db")};
  store.record_enqueue(enqueue(1), at(0));
  CHECK(store.get_status(status_of(1), at(0)).snapshot.has_value());
}

TEST_CASE_METHOD(files_fixture, "a name with odd characters is just a name") {
  for (const auto* const name :
       {"with space.db", "file:ops.db?mode=memory", "%00.db", "caf\u00e9.db",
        "'; --.db", ":memory:", "-v"}) {
    CAPTURE(name);
    {
      operation_tracking_store store{options_for(dir / name)};
      store.record_enqueue(enqueue(1), at(0));
    }
    CHECK(std::filesystem::file_size(dir / name) > 0);
    operation_tracking_store store{options_for(dir / name)};
    CHECK(store.get_status(status_of(1), at(0)).snapshot.has_value());
  }
}

TEST_CASE_METHOD(files_fixture, "a relative name is meant from where we are") {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  operation_tracking_store store{options_for("ops.db")};
  std::filesystem::current_path(before);
  CHECK(store.options().file == dir / "ops.db");
  CHECK(std::filesystem::exists(dir / "ops.db"));
}

TEST_CASE_METHOD(files_fixture,
                 "promise 1, durability: a folder that cannot be synced is "
                 "refused by name, with a store in it or without",
                 "[promise-1]") {
  const auto is_there = GENERATE(false, true);
  CAPTURE(is_there);
  const auto folder = dir / "closed";
  REQUIRE(std::filesystem::create_directory(folder));
  const auto options = options_for(folder + "/ops.db");
  if (is_there)
    operation_tracking_store{options};
  CHECK(in_child([&] {
          // Root may do everything.
          constexpr uid_t nobody = 65'534;
          if (::geteuid() == 0) {
            for (const auto& name : {dir.path().string(), folder, options.file,
                                     options.file + "-lock"})
              if (::chown(name.c_str(), nobody, nobody) != 0 && is_there)
                return 1;
            if (::setgid(nobody) != 0 || ::setuid(nobody) != 0)
              return 2;
          }
          ::chmod(folder.c_str(), 0300); // it can be used, but not opened
          const auto e = error_of([&] { operation_tracking_store{options}; });
          ::chmod(folder.c_str(), 0700);
          if (e.code != errc::store_unavailable
              || !e.mentions(folder + ": cannot sync this folder: "))
            return 3;
          operation_tracking_store{options}.record_enqueue(enqueue(1), at(0));
          return 0;
        })
        == 0);
}

TEST_CASE_METHOD(files_fixture,
                 "an option out of its range is refused by name") {
  const auto refused_option = [&](const char* name, auto member, auto value) {
    auto x = options_for(dir / "ops.db");
    x.*member = value;
    expect_error(errc::invalid_options, name,
                 [&] { operation_tracking_store{x}; });
    CHECK(names().empty());
  };
  for (const std::size_t value : {std::size_t{0}, std::size_t{63},
                                  limits::max_last_error + 1, ~std::size_t{0}})
    refused_option("last_error_cap", &store_options::last_error_cap, value);
  for (const int value : {-1, 0, 99, 1'000'001})
    refused_option("checkpoint_pages", &store_options::checkpoint_pages, value);
  for (const std::int64_t value : {-1LL, 0LL, 65'535LL, 17'179'869'185LL})
    refused_option("cache_bytes", &store_options::cache_bytes, value);
  refused_option("synchronous", &store_options::synchronous,
                 static_cast<durability>(3));
  refused_option("vfs", &store_options::vfs, std::string{"no such VFS"});
}

TEST_CASE_METHOD(files_fixture,
                 "a VFS without shared memory is refused, for it cannot hold a "
                 "write-ahead log") {
  auto options = options_for(dir / "ops.db");
  options.vfs = "unix-dotfile";
  const auto e = error_of([&] { operation_tracking_store{options}; });
  CHECK(e.code == errc::store_unavailable);
  CHECK(e.mentions("write-ahead log"));
}

TEST_CASE_METHOD(files_fixture, "options at the ends of their ranges work") {
  auto least = options_for(dir / "least.db");
  least.last_error_cap = 64;
  least.checkpoint_pages = 100;
  least.cache_bytes = 65'536;
  least.synchronous = durability::off;
  auto most = options_for(dir / "most.db");
  most.last_error_cap = limits::max_last_error;
  most.checkpoint_pages = 1'000'000;
  most.cache_bytes = 17'179'869'184;
  for (const auto& options : {least, most}) {
    operation_tracking_store store{options};
    store.record_enqueue(enqueue(1), at(0));
    const auto longest = std::string(limits::max_last_error, 'x');
    store.record_terminal({id_of(1), tracking_status::failed, longest, {}, {}},
                          at(1));
    const auto x = store.get_status(status_of(1), at(1)).snapshot.value();
    CHECK(x.last_error->size() == options.last_error_cap);
  }
}
