// The log's syncs, of which one may be carried out by another thread while the
// next transaction is worked on.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace waybill::sqlite {

/// Stands between SQLite and the syncs of one log. All but the other thread's
/// own part is for one thread.
///
/// Nothing gets into the log while a sync is under way: whoever changes it
/// calls `finish()` first. So a transaction's frames never reach the disk
/// before those of the one that was committed before it.
class log_syncer {
public:
  log_syncer() noexcept = default;
  ~log_syncer() { stop(); }

  log_syncer(const log_syncer&) = delete;
  log_syncer& operator=(const log_syncer&) = delete;

  // -- for whoever commits ----------------------------------------------------

  /// The next sync of what a transaction has written is put off: it succeeds at
  /// once, and begins with `start()`.
  void put_off() noexcept { put_off_ = true; }

  /// Begins the sync that was put off.
  /// @param done called, and let go of, by the other thread when it has ended.
  /// @returns false if there was none; from here on none is put off.
  bool start(std::function<void()> done);

  /// Nothing is put off any more: the COMMIT has failed.
  void forget() noexcept { put_off_ = wanted_ = false; }

  /// Whether a sync has begun and not ended yet.
  [[nodiscard]] bool is_under_way() const;

  /// Waits for the end of the sync that was begun last.
  /// @returns an SQLite result code. One that failed fails all that comes after
  ///          it, until the log is opened anew.
  int finish();

  /// When the sync that was finished last ended.
  [[nodiscard]] std::chrono::steady_clock::time_point ended() const;

  /// Waits for the sync that is under way, and for the other thread to end.
  void stop();

  // -- for the log ------------------------------------------------------------

  void opened(sqlite3_file* log) noexcept;

  /// A log that begins anew is synced before anything else gets into it.
  void header_written() noexcept { header_is_new_ = true; }

  int sync(int flags);

private:
  void run(const std::stop_token& stop);

  // Of the thread that commits.
  sqlite3_file* log_ = nullptr;
  bool put_off_ = false;
  bool header_is_new_ = false;
  bool wanted_ = false;
  int flags_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool under_way_ = false;
  int result_ = SQLITE_OK;
  std::chrono::steady_clock::time_point ended_;
  std::function<void()> done_;
  std::jthread thread_; // last: it uses all the others
};

} // namespace waybill::sqlite
