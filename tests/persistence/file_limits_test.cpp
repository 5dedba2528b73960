// Where files cannot grow, the store says so; the process goes on.

#include <fcntl.h>
#include <sys/mman.h>

#include "support/child_process.hpp"
#include "support/fault_vfs.hpp"
#include "support/small_disk.hpp"
#include "support/store_fixture.hpp"
#include "waybill/file_limits.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr auto full = static_cast<int>(errc::store_full);

// How `f` ends in a process of its own under that limit; 0 is success.
template <class F>
int code_within(rlim_t bytes, F&& f) {
  return in_child([&] {
    limit_files(bytes);
    const auto e = error_of(f);
    return e.code ? static_cast<int>(*e.code) : 0;
  });
}

// Records operations for ever.
void fill(operation_tracking_store& store, std::uint64_t from = 1) {
  for (auto n = from;; ++n) {
    store.record_enqueue(enqueue(n), at(0));
    store.maintain();
  }
}

struct mapped_file {
  explicit mapped_file(const std::string& name, std::size_t file_bytes) {
    const auto fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::ftruncate(fd, static_cast<off_t>(file_bytes)) == 0);
    memory = static_cast<char*>(
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    ::close(fd);
    REQUIRE(memory != MAP_FAILED);
  }
  ~mapped_file() { ::munmap(memory, bytes); }
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;

  static constexpr std::size_t bytes = 131'072;
  char* memory = nullptr;
};

} // namespace

TEST_CASE("at the limit on the size of files a store is full, and its process "
          "goes on",
          "[promise-2]") {
  const temp_dir dir;
  auto options = options_for(dir / "ops.db");
  options.checkpoint_pages = 100;
  options.synchronous = durability::off; // it takes long enough
  // Of the database when it is made, the shared memory, the log, the database.
  const auto limit = GENERATE(0U, 5'000U, 20'000U, 33'000U, 100'000U, 300'000U,
                              1'000'000U);
  CAPTURE(limit);
  CHECK(code_within(limit,
                    [&] {
                      operation_tracking_store store{options};
                      fill(store);
                    })
        == full);
  // Without the limit all is well.
  operation_tracking_store store{options};
  store.record_enqueue(enqueue(9'999'999), at(0));
  store.close();
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(store_fixture,
                 "a store at the limit on the size of files can be read, and "
                 "goes on when the limit is raised",
                 "[promise-2]") {
  store.close();
  CHECK(in_child([&] {
          operation_tracking_store mine{options};
          limit_files(200'000);
          if (error_of([&] { fill(mine); }).code != errc::store_full)
            return 1;
          if (!mine.get_status(status_of(1), at(0)).snapshot)
            return 2;
          limit_files(RLIM_INFINITY);
          mine.record_enqueue(enqueue(9'999'999), at(0));
          return 0;
        })
        == 0);
}

TEST_CASE_METHOD(store_fixture,
                 "a backup at the limit on the size of files is refused",
                 "[promise-2]") {
  store.record_enqueue(enqueue(1), at(0));
  store.close();
  CHECK(code_within(10'000,
                    [&] { store_reader{options.file}.backup(dir / "copy.db"); })
        == full);
  CHECK_FALSE(std::filesystem::exists(dir / "copy.db"));
}

TEST_CASE("shared memory without a place in its file is noticed, and what has "
          "one keeps what it holds") {
  const temp_dir dir;
  const mapped_file x{dir / "shm", mapped_file::bytes / 2};
  x.memory[5] = 'x';
  CHECK(sqlite::allocate(x.memory, mapped_file::bytes / 2));
  CHECK(x.memory[5] == 'x');
  CHECK_FALSE(sqlite::allocate(x.memory, mapped_file::bytes));
}

TEST_CASE("a store whose shared memory finds no place on the disk is full, and "
          "its process goes on",
          "[promise-2]") {
  const temp_dir dir;
  fault_vfs vfs;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  // A write to what was mapped then ends the process.
  vfs.after = [&](const io_call& x) {
    if (x.op == io_op::shm_map)
      std::filesystem::resize_file(options.file + "-shm", 0);
  };
  CHECK(in_child([&] {
          const auto e = error_of([&] { operation_tracking_store{options}; });
          return e.code ? static_cast<int>(*e.code) : 0;
        })
        == full);
  vfs.after = nullptr;
  vfs.fail(io_op::shm_map, io_file::database, SQLITE_IOERR_SHMSIZE);
  CHECK(error_of([&] { operation_tracking_store{options}; }).code
        == errc::store_full);
  vfs.heal();
  operation_tracking_store store{options};
  store.record_enqueue(enqueue(1), at(0));
}
