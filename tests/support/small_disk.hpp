// A small file system, to be filled, and a limit on files.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace waybill::test {

/// No file of this process may grow past `bytes`; the signal that says so is as
/// a process starts with it.
inline void limit_files(rlim_t bytes) {
  rlimit x{};
  ::getrlimit(RLIMIT_FSIZE, &x);
  x.rlim_cur = bytes;
  ::setrlimit(RLIMIT_FSIZE, &x);
  std::signal(SIGXFSZ, SIG_DFL);
}

/// A tmpfs of 8 MiB, or a scratch folder without one.
class small_disk {
public:
  /// Lets this process mount what nobody else sees. Must be called before it
  /// has a second thread.
  /// @returns why it may not; empty if it may.
  static std::string allow() {
    const auto uid = ::getuid();
    const auto gid = ::getgid();
    if (::unshare(CLONE_NEWNS) != 0) {
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return because("neither root nor user namespaces");
      std::ofstream{"/proc/self/setgroups"} << "deny";
      std::ofstream{"/proc/self/uid_map"} << "0 " << uid << " 1";
      std::ofstream{"/proc/self/gid_map"} << "0 " << gid << " 1";
    }
    // What is mounted here is nobody else's, and goes with this process.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return because("cannot make mounts private");
    const temp_dir trial;
    if (!mount(trial))
      return because("cannot mount a tmpfs");
    ::umount2(trial.path().c_str(), MNT_DETACH);
    return {};
  }

  /// Without a mount it must not be filled: it is everybody's.
  explicit small_disk(bool mounted) : mounted_{mounted} {
    if (mounted && !mount(at_))
      throw std::runtime_error{because("cannot mount a tmpfs")};
  }
  ~small_disk() {
    if (mounted_)
      ::umount2(at_.path().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  [[nodiscard]] std::string file() const { return at_ / "ops.db"; }

  /// Leaves no byte free, or `but` at most.
  void fill(std::int64_t but = 0) const {
    const auto fd = ::open((at_ / "ballast").c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::array<char, 4'096> page{};
    page.fill('x');
    while (::write(fd, page.data(), page.size()) > 0) {
      // Until there is no space.
    }
    if (but > 0
        && ::ftruncate(fd, std::max<off_t>(::lseek(fd, 0, SEEK_END) - but, 0))
             != 0)
      throw std::runtime_error{because("cannot cut the ballast")};
    ::close(fd);
  }

  void free() const { ::unlink((at_ / "ballast").c_str()); }

  [[nodiscard]] std::int64_t free_bytes() const {
    struct statvfs x {};
    ::statvfs(at_.path().c_str(), &x);
    return static_cast<std::int64_t>(x.f_bavail * x.f_frsize);
  }

  [[nodiscard]] bool is_mounted() const noexcept { return mounted_; }

private:
  static bool mount(const temp_dir& at) {
    return ::mount("tmpfs", at.path().c_str(), "tmpfs", 0, "size=8m") == 0;
  }

  static std::string because(const char* what) {
    return std::string{what} + ": " + std::strerror(errno);
  }

  const bool mounted_;
  temp_dir at_;
};

/// Runs `f(disk)`, on one that is mounted, in a process of its own.
/// @returns what `f` does, 0 to 97; 0 also if none can be mounted here.
template <class F>
int on_small_disk(F&& f) {
  constexpr int no_disk = 98;
  const auto code = in_child([&] {
    if (const auto why = small_disk::allow(); !why.empty()) {
      std::fprintf(stderr, "no small file system: %s\n", why.c_str());
      return no_disk;
    }
    const small_disk disk{true};
    return f(disk);
  });
  return code == no_disk ? 0 : code;
}

} // namespace waybill::test
