// What the disk holds if the power goes now: a model of files of which only
// what was synced is sure to be there.
#pragma once

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/fault_vfs.hpp"
#include "support/files.hpp"

namespace waybill::test {

class durable_image {
public:
  /// Follows what SQLite does to `file` through `vfs`; what is in the file now
  /// counts as durable. The store must be closed.
  durable_image(fault_vfs& vfs, const std::string& file) {
    files_[io_file::database].durable = read_file(file);
    vfs.after = [this](const io_call& call) { follow(call); };
  }

  durable_image(const durable_image&) = delete;
  durable_image& operator=(const durable_image&) = delete;

  /// A sync failed: the kernel may forget what it could not write, and still
  /// show it until the power goes.
  void forget_unsynced(io_file kind) { files_[kind].pending.clear(); }

  /// Writes the files as they are after a power loss, as `file` and its log.
  /// @param random if given, each unsynced write may have reached the disk, by
  ///        sectors of 512 bytes; else none has.
  void write_to(const std::string& file,
                std::mt19937_64* random = nullptr) const {
    for (const auto& [kind, contents] : files_) {
      auto bytes = contents.durable;
      if (random != nullptr)
        for (const auto& each : contents.pending)
          each.apply(bytes, random);
      write_file(kind == io_file::wal ? file + "-wal" : file, bytes);
    }
  }

private:
  struct change {
    io_op op;
    std::size_t offset;
    std::string bytes;

    void apply(std::string& file, std::mt19937_64* random) const {
      constexpr std::size_t sector = 512;
      if (op == io_op::truncate) {
        if (random == nullptr || (*random)() % 2 == 0)
          file.resize(offset, '\0');
        return;
      }
      for (std::size_t at = 0; at < bytes.size();) {
        // Sectors are parts of the file, not of the write.
        const auto n = std::min(bytes.size() - at,
                                sector - (offset + at) % sector);
        if (random == nullptr || (*random)() % 2 == 0) {
          if (file.size() < offset + at + n)
            file.resize(offset + at + n, '\0');
          file.replace(offset + at, n, bytes, at, n);
        }
        at += n;
      }
    }
  };

  struct file_state {
    std::string durable;
    std::vector<change> pending;
  };

  void follow(const io_call& call) {
    if (call.file == io_file::other)
      return;
    auto& file = files_[call.file];
    if (call.op == io_op::write || call.op == io_op::truncate) {
      file.pending.push_back({call.op, static_cast<std::size_t>(call.offset),
                              std::string{call.bytes}});
    } else if (call.op == io_op::sync) {
      for (const auto& each : file.pending)
        each.apply(file.durable, nullptr);
      file.pending.clear();
    } else if (call.op == io_op::remove) {
      file = {};
    }
  }

  std::map<io_file, file_state> files_;
};

} // namespace waybill::test
