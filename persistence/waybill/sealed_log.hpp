// The write-ahead log of a sealed database: what SQLite writes to it gets seals
// on the way, and what it reads from it is verified.
//
// SQLite computes a frame's checksum before the page comes here, so it is made
// anew when the page has got its seal. The frame's header is held until the
// page is there; then both are written by one call. What lies on the disk is a
// log like any other: each SQLite can recover and read it, and one that copies
// it into the file copies the seals. SQLite's own running sum, which it keeps
// in the log's index, is not the log's: nobody may go by it (log_tail.hpp).
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "waybill/file_format.hpp"
#include "waybill/log_syncer.hpp"
#include "waybill/page_seal.hpp"

namespace waybill::sqlite {

/// Damage that SQLite reports without a reason.
enum class damage : std::uint8_t {
  none,
  /// A page of the database file does not match its seal.
  page,
  /// A frame of the log does not follow the one before it, or is gone.
  frame,
  /// The database file does not name the log beside it.
  foreign_log,
  /// The bytes that name the log are damaged.
  log_name,
};

/// What was found in a log and its database, and where: the page or frame, from
/// 1.
struct log_findings {
  damage what = damage::none;
  std::uint64_t number = 0;
  /// How often the log has been read from its beginning.
  std::uint64_t recoveries = 0;
};

/// One open log. All return SQLite result codes. For one thread; see
/// log_syncer for the other that syncs.
class sealed_log {
public:
  /// @param log,database the files behind; must outlive this.
  /// @param found where damage is noted.
  sealed_log(sqlite3_file* log, sqlite3_file* database, log_syncer& syncer,
             log_findings& found) noexcept;

  int read(std::span<std::uint8_t> to, sqlite3_int64 offset);

  /// Takes whole frames as they are, and frames in pieces.
  int write(file_format::bytes from, sqlite3_int64 offset);

  int truncate(sqlite3_int64 size);
  int sync(int flags);
  int size(sqlite3_int64* out);

  /// Writes what is held, and waits for the sync that is under way.
  int finish();

  /// Pages of the first so many frames are about to be copied into the database
  /// file. None is if the last transactions are damaged: the next opening would
  /// take that for a torn end (torn_log.hpp), and pages of them that are in the
  /// file already would be of another moment than all others.
  int verify(std::size_t frames);

  /// Whatever was verified may have been damaged since.
  void verify_again() noexcept { is_verified_ = false; }

  /// Pages are about to be copied into the database file: it names no other log
  /// but this one from now on.
  int settle_name();

private:
  static constexpr std::size_t frame_bytes = file_format::frame_header_bytes
                                             + page_bytes;
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  // What SQLite took for the checksum of the frame that was written last, and
  // what it is.
  struct written_frame {
    std::size_t next = none; // the number of the frame after it
    file_format::log_checksum claimed;
    file_format::log_checksum real;
    bool is_commit = false;
  };

  int fail(damage what, std::size_t number) noexcept;
  int load_header() noexcept;
  int checksum_before(std::size_t n, file_format::log_checksum& out) noexcept;
  int verify_name(file_format::bytes header);
  int read_page(std::size_t n, std::span<std::uint8_t> to);
  int find_last_transactions(std::size_t frames, std::size_t& begin) noexcept;
  int begin(file_format::bytes from);
  int name(file_format::log_salt salt);
  int hold(std::size_t n, file_format::bytes from, std::size_t at);
  int write_frame();
  int write_page_alone(std::size_t n, file_format::bytes from);
  int write_held_header();
  int seal_held_page() noexcept;

  int read_at(std::span<std::uint8_t> to, std::size_t offset) noexcept;
  int write_at(file_format::bytes from, std::size_t offset) noexcept;

  [[nodiscard]] file_format::log_header header() const noexcept {
    return file_format::log_header{header_};
  }
  [[nodiscard]] std::span<std::uint8_t, page_bytes> held_page() noexcept {
    return std::span{frame_}.last<page_bytes>();
  }

  sqlite3_file* log_;
  sqlite3_file* database_;
  log_syncer* syncer_;
  log_findings* found_;

  std::array<std::uint8_t, file_format::log_header_bytes> header_{};
  bool has_header_ = false;
  bool is_settled_ = false;
  bool is_verified_ = false;
  written_frame last_;
  // From here on frames do not follow each other: pages of the open transaction
  // have been replaced, and SQLite has not made the checksums anew.
  std::size_t unchained_from_ = none;

  std::array<std::uint8_t, frame_bytes> read_{};
  std::array<std::uint8_t, frame_bytes> frame_{}; // what is held
  std::size_t held_ = 0;                          // bytes of it
  std::size_t held_n_ = 0;                        // it is this frame
  std::size_t read_n_ = none; // what was read last, nothing written since
  // A frame whose header was held when a sync came: should the page come next,
  // the header was not SQLite's last word.
  std::size_t lone_header_ = none;
  std::optional<int> owed_sync_; // its flags; came in the midst of a frame
};

} // namespace waybill::sqlite
