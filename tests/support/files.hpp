// Files as bytes: what is in a folder, what a file's mode is.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace waybill::test {

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary | std::ios::ate};
  std::string bytes(in ? static_cast<std::size_t>(in.tellg()) : 0, '\0');
  in.seekg(0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  // It may have become shorter meanwhile; zeros would be damage.
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

inline void write_file(const std::filesystem::path& file,
                       const std::string& bytes) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

/// Copies all files of a folder, as a crash would leave them.
///
/// A process of its own does it: to close a file drops all locks that this
/// process has on it, and with them those of an open store.
inline void copy_files(const std::filesystem::path& from,
                       const std::filesystem::path& to) {
  const auto code = in_child([&] {
    for (const auto& each : std::filesystem::directory_iterator{from})
      if (!each.is_socket())
        std::filesystem::copy(each.path(), to / each.path().filename());
    return 0;
  });
  if (code != 0)
    throw std::runtime_error{"cannot copy the files of " + from.string()};
}

/// The names and bytes of all files in a folder, also while a store is open.
/// The log's index (`-shm`) is left out: it can be made anew at any time.
inline std::map<std::string, std::string>
bytes_in(const std::filesystem::path& folder) {
  const temp_dir copy;
  copy_files(folder, copy.path());
  std::map<std::string, std::string> files;
  for (const auto& each : std::filesystem::directory_iterator{copy.path()})
    if (const auto name = each.path().filename().string();
        !name.ends_with("-shm"))
      files[name] = read_file(each.path());
  return files;
}

/// How the files of a folder differ from what `bytes_in` gave before, for
/// example `ops.db changed`; empty if they do not.
inline std::string
changes_since(const std::map<std::string, std::string>& before,
              const std::filesystem::path& folder) {
  std::string changes;
  const auto add = [&](const std::string& name, const char* what) {
    changes += (changes.empty() ? "" : ", ") + name + what;
  };
  const auto after = bytes_in(folder);
  for (const auto& [name, bytes] : before)
    if (const auto at = after.find(name); at == after.end())
      add(name, " gone");
    else if (at->second != bytes)
      add(name, " changed");
  for (const auto& [name, bytes] : after)
    if (!before.contains(name))
      add(name, " new");
  return changes;
}

/// The permission bits of a file, for example 0600.
inline unsigned mode_of(const std::string& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0)
    return 0xFFFFU;
  return info.st_mode & 07777U;
}

} // namespace waybill::test
