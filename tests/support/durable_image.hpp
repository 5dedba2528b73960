// What the disk holds if the power goes now: a model of files of which only
// what was synced is sure to be there.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/fault_vfs.hpp"
#include "support/files.hpp"

namespace waybill::test {

/// What the disk has made of the writes that were not synced.
enum class power_loss : std::uint8_t {
  keep_all,
  drop_all,
  /// Any of them, whole.
  some_writes,
  /// Any of their sectors of 512 bytes.
  some_sectors,
  /// Those up to some moment.
  first_writes,
  all_but_one,
  /// All, but only the first sectors of the last one.
  torn_last,
  /// Those of one file, as files are written back one by one.
  one_file,
  /// All but one page of 4 KiB, in which the kernel keeps what it writes back.
  all_but_one_page,
};
inline constexpr int num_power_losses = 9;

/// A call that changed a file, to be told again.
struct disk_change {
  io_op op;
  io_file file;
  std::size_t offset;
  std::string bytes;
};

class durable_image {
public:
  /// No files yet.
  durable_image() = default;

  /// Follows what SQLite does to `file` through `vfs`; what is in the file, its
  /// log and its journal now counts as durable. The store must be closed.
  durable_image(fault_vfs& vfs, const std::string& file) {
    for (const auto kind : {io_file::database, io_file::wal, io_file::other}) {
      auto& each = files_[kind];
      each.durable = read_file(file + suffix(kind));
      each.seen = each.durable;
    }
    vfs.after = [this](const io_call& call) {
      if (is_change(call))
        follow(to_change(call));
    };
  }

  durable_image(const durable_image&) = delete;
  durable_image& operator=(const durable_image&) = delete;

  static bool is_change(const io_call& call) {
    return call.op == io_op::write || call.op == io_op::truncate
           || call.op == io_op::sync || call.op == io_op::remove;
  }

  static disk_change to_change(const io_call& call) {
    return {call.op, call.file, static_cast<std::size_t>(call.offset),
            std::string{call.bytes}};
  }

  void follow(const disk_change& x) {
    auto& file = files_[x.file];
    if (x.op != io_op::sync) {
      file.is_new = file.is_new
                    || (x.op == io_op::write && x.file != io_file::database
                        && file.as_seen_is_gone());
      file.pending.push_back(x);
      keep(file.seen, x);
      return;
    }
    for (const auto& each : file.pending)
      keep(file.durable, each);
    file.pending.clear();
    // SQLite syncs the folder with a log or a journal that is new in it, and
    // with it what has been removed there.
    if (std::exchange(file.is_new, false))
      for (auto& [kind, other] : files_)
        other.settle_removal();
  }

  /// A sync failed: the kernel may forget what it could not write, and still
  /// show it until the power goes.
  void forget_unsynced(io_file kind) { files_[kind].pending.clear(); }

  /// Whether there is anything that a power loss could take.
  [[nodiscard]] bool has_unsynced() const {
    return std::ranges::any_of(files_, [](const auto& each) {
      return !each.second.pending.empty();
    });
  }

  /// Writes the files as they are after a power loss, as `file`, its log and
  /// its journal; one that is not there is removed.
  void write_to(const std::string& file, power_loss how,
                std::mt19937_64& random) const {
    const auto spared = random() % 2 == 0 ? io_file::wal : io_file::database;
    for (const auto kind : {io_file::database, io_file::wal, io_file::other}) {
      std::string bytes;
      if (const auto at = files_.find(kind); at != files_.end()) {
        const auto all = how == power_loss::one_file && kind == spared;
        bytes = at->second.after(all ? power_loss::keep_all : how, random);
      }
      const auto name = file + suffix(kind);
      // Some file systems sync a file that is written over.
      std::filesystem::remove(name);
      if (!bytes.empty() || kind == io_file::database)
        write_file(name, bytes);
    }
  }

  /// Writes the files as a killed process leaves them: with all that it wrote.
  void write_all_to(const std::string& file) const {
    for (const auto& [kind, contents] : files_)
      if (!contents.seen.empty() || kind == io_file::database)
        write_file(file + suffix(kind), contents.seen);
  }

private:
  static constexpr std::size_t sector = 512;
  static constexpr std::size_t page = 4'096;

  static const char* suffix(io_file kind) {
    switch (kind) {
      case io_file::wal:
        return "-wal";
      case io_file::other:
        return "-journal";
      default:
        return "";
    }
  }

  static void put(std::string& file, const disk_change& x, std::size_t from,
                  std::size_t n) {
    if (file.size() < x.offset + from + n)
      file.resize(x.offset + from + n, '\0');
    file.replace(x.offset + from, n, x.bytes, from, n);
  }

  static void keep(std::string& file, const disk_change& x) {
    if (x.op == io_op::write)
      put(file, x, 0, x.bytes.size());
    else
      file.resize(x.op == io_op::truncate ? x.offset : 0, '\0');
  }

  // Calls `f(from, n)` for each block of the file that `x` writes to, of
  // `block` bytes.
  template <class F>
  static void for_each_block(const disk_change& x, std::size_t block, F&& f) {
    for (std::size_t at = 0; at < x.bytes.size();) {
      const auto n = std::min(x.bytes.size() - at,
                              block - (x.offset + at) % block);
      f(at, n);
      at += n;
    }
  }

  struct file_state {
    std::string durable;
    std::string seen; // by every process, as long as the power is on
    std::vector<disk_change> pending;
    // Made since the folder was synced.
    bool is_new = false;

    [[nodiscard]] bool as_seen_is_gone() const {
      return pending.empty() ? durable.empty()
                             : pending.back().op == io_op::remove;
    }

    void settle_removal() {
      const auto last = std::find_if(pending.rbegin(), pending.rend(),
                                     [](const disk_change& x) {
                                       return x.op == io_op::remove;
                                     });
      if (last == pending.rend())
        return;
      durable.clear();
      pending.erase(pending.begin(), last.base());
    }

    [[nodiscard]] std::string after(power_loss how,
                                    std::mt19937_64& random) const {
      auto bytes = durable;
      const auto last = pending.size() - 1;
      const auto chosen = pending.empty() ? 0 : random() % pending.size();
      const auto lost_page
        = pending.empty()
            ? 0
            : (pending[chosen].offset
               + random()
                   % std::max<std::size_t>(1, pending[chosen].bytes.size()))
                / page;
      for (std::size_t i = 0; i < pending.size(); ++i) {
        const auto& x = pending[i];
        auto survives = true;
        if (how == power_loss::drop_all || how == power_loss::one_file)
          survives = false;
        else if (how == power_loss::first_writes)
          survives = i < chosen;
        else if (how == power_loss::all_but_one)
          survives = i != chosen;
        else if (how == power_loss::some_writes
                 || (how == power_loss::some_sectors && x.op != io_op::write))
          survives = random() % 2 == 0;
        if (how == power_loss::some_sectors && x.op == io_op::write)
          for_each_block(x, sector, [&](std::size_t from, std::size_t n) {
            if (random() % 2 == 0)
              put(bytes, x, from, n);
          });
        else if (how == power_loss::all_but_one_page && x.op == io_op::write)
          for_each_block(x, page, [&](std::size_t from, std::size_t n) {
            if ((x.offset + from) / page != lost_page)
              put(bytes, x, from, n);
          });
        else if (how == power_loss::torn_last && i == last
                 && x.op == io_op::write)
          put(bytes, x, 0,
              std::min(x.bytes.size(),
                       sector * (random() % 8) + (sector - x.offset % sector)));
        else if (survives)
          keep(bytes, x);
        else if (x.op == io_op::remove)
          break; // what came after went into a file that has no name
      }
      return bytes;
    }
  };

  std::map<io_file, file_state> files_;
};

} // namespace waybill::test
