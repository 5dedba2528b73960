// The write-ahead log: how large it is, and when it is copied into the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "waybill/log_size.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Keeps the log of an open store at its size. It replaces SQLite's automatic
/// checkpoint, which runs inside COMMIT while senders wait for their answers.
class log_keeper {
public:
  /// @param store the database file.
  /// @param checkpoint_pages how many pages the log may have.
  log_keeper(const std::string& store, int checkpoint_pages)
    : file_{store + "-wal"}, size_{checkpoint_pages} {}

  log_keeper(const log_keeper&) = delete;
  log_keeper& operator=(const log_keeper&) = delete;

  /// Follows the log of `db` from here on, until `close()`.
  void open(sqlite::connection& db);

  void close() noexcept;

  /// The log's file.
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

  /// Size of the log's content in bytes, as of the last commit.
  [[nodiscard]] std::int64_t bytes() const noexcept { return size_.bytes(); }

  /// Whether the log is to be copied into the file: before the next transaction
  /// takes it past its size, again while someone holds it, when it has found no
  /// space to grow, and if that has failed, when it has grown by its size
  /// since.
  [[nodiscard]] bool checkpoint_is_due() const noexcept {
    return (is_held_ && !failure_) || is_full_ || size_.is_full(failed_at_);
  }

  /// Copies the log into the file, as far as readers let it. Does nothing in a
  /// transaction that writes.
  /// @returns false if the log is damaged: nothing may be done with it.
  bool checkpoint() noexcept;

  /// How many bytes of the disk the log may have, if that is less than it may
  /// have pages.
  void set_share(std::int64_t bytes) noexcept { size_.set_share(bytes); }

  /// The disk had no space for what was to be written: what the log has is
  /// copied into the file next, so that it can begin anew in the space it has.
  void note_full() noexcept { is_full_ = true; }

  /// Copies all of it, and waits a while for readers that keep the next
  /// transaction from beginning it anew.
  void restart() noexcept;

  /// Copies all of it, and gives its space back, unless someone reads it.
  void cut() noexcept;

  /// Copies all of it, and waits for readers a while: nothing comes after it.
  /// @returns false if the log is damaged, and is to be left alone.
  bool empty() noexcept;

  /// What was in the way of the first of those that have failed since one has
  /// not. Readers are no failure.
  [[nodiscard]] const std::optional<std::string>& failure() const noexcept {
    return failure_;
  }
  std::optional<std::string> take_failure() noexcept {
    return std::exchange(failure_, std::nullopt);
  }

  /// A reader has kept the log from being emptied, and `checkpoint()` has not
  /// succeeded since.
  [[nodiscard]] bool is_held() const noexcept { return is_held_; }

  /// It is held and has more than twice its size.
  [[nodiscard]] bool is_overgrown() const noexcept {
    return is_held_ && size_.is_overgrown();
  }

  /// See log_size.
  void note_scattered_pages() noexcept { size_.note_scattered_pages(); }

private:
  int copy(int mode) noexcept;
  bool fail(int code, const char* what) noexcept;
  void on_written(std::int64_t frames) noexcept;

  std::string file_;
  log_size size_;
  sqlite::connection* db_ = nullptr;
  bool is_held_ = false;
  bool is_full_ = false;
  std::optional<std::string> failure_;
  std::int64_t failed_at_ = 0; // frames at the last failure
};

} // namespace waybill
