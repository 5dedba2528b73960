#include "waybill/store_restore.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "waybill/file_access.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_reader.hpp"

namespace waybill {

namespace {

constexpr std::array companions{"-wal", "-shm", "-journal"};

[[noreturn]] void refuse(const std::string& file, const std::string& doing,
                         int code) {
  unavailable(file, doing + ": " + error_text(code));
}

using file_info = struct stat;

// @returns what the file is that is to be replaced, if there is one.
std::optional<file_info> check_place(const std::string& file,
                                     restore_mode mode) {
  const auto there = look_at(file);
  if (there && !S_ISREG(there->st_mode))
    unavailable(file, "is not a regular file");
  if (mode == restore_mode::replace)
    return there;
  if (there)
    unavailable(file, "is there already, and may not be replaced");
  for (const auto* const suffix : companions)
    if (look_at(file + suffix))
      unavailable(file + suffix, "is there, of a store that was there before; "
                                 "it may not be replaced");
  return there;
}

void remove(const std::string& name) {
  if (::unlink(name.c_str()) != 0 && errno != ENOENT)
    refuse(name, "cannot be removed", errno);
}

// Whoever restores, the store is its service's.
void give_to_owner_of(const file_info& there, const std::string& file) {
  if (::chmod(file.c_str(), there.st_mode & 07777U) != 0
      || (::geteuid() == 0
          && ::lchown(file.c_str(), there.st_uid, there.st_gid) != 0))
    refuse(file, "cannot be given to its owner", errno);
}

} // namespace

bool restore_store(const std::string& backup, const std::string& file,
                   restore_mode mode, const progress_function& progress) {
  const auto name = canonical_store_path(file);
  if (canonical_store_path(backup) == name)
    unavailable(name, "is the backup itself");
  const auto copy = name + ".restored"; // until it is whole
  file_ownership ownership{name};
  try {
    const auto there = check_place(name, mode);
    remove(copy);
    remove(copy + ".part");
    if (!store_reader{backup}.backup(copy, progress)) {
      ownership.withdraw();
      return false;
    }
    if (there)
      give_to_owner_of(*there, copy);
  } catch (...) {
    ownership.withdraw();
    throw;
  }
  if (::rename(copy.c_str(), name.c_str()) != 0)
    refuse(name, "cannot be replaced", errno);
  // The other way round, what was there before would lose its log first.
  sync_folder_of(name);
  for (const auto* const suffix : companions)
    remove(name + suffix);
  sync_folder_of(name);
  return true;
}

} // namespace waybill
