// How large the write-ahead log is, and may be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "waybill/file_format.hpp"
#include "waybill/page_seal.hpp"

namespace waybill {

/// Counts frames: a page each, as of the last commit.
class log_size {
public:
  explicit log_size(std::int64_t most_frames) noexcept
    : most_{most_frames}, share_{most_frames} {}

  [[nodiscard]] std::int64_t frames() const noexcept { return frames_; }
  [[nodiscard]] std::int64_t most() const noexcept { return most_; }

  [[nodiscard]] std::int64_t bytes() const noexcept {
    return frames_ * frame_bytes;
  }

  /// Of the pages that it may have, without their headers.
  [[nodiscard]] std::int64_t most_page_bytes() const noexcept {
    return most_ * page_bytes;
  }

  /// How many bytes of the disk it may have, if that is less.
  void set_share(std::int64_t bytes) noexcept {
    share_ = std::min(most_, bytes / frame_bytes);
  }

  /// The transaction changes pages all over the file: the disk gets them in
  /// small lots, as all wait while it takes them.
  void note_scattered_pages() noexcept { is_scattered_ = true; }

  /// The log has `frames` frames after a commit.
  void written(std::int64_t frames) noexcept {
    const auto is_restarted = frames <= frames_;
    if (is_restarted || frames_ == 0)
      largest_commit_before_ = std::exchange(largest_commit_, 0);
    largest_commit_ = std::max(largest_commit_,
                               is_restarted ? frames : frames - frames_);
    frames_ = frames;
  }

  /// The next commit starts it over.
  void empty() noexcept {
    frames_ = 0;
    is_scattered_ = false;
  }

  /// Whether the next commit may take it past its size, counted from frame
  /// number `from`.
  [[nodiscard]] bool is_full(std::int64_t from) const noexcept {
    const auto to_come = std::max(largest_commit_, largest_commit_before_);
    const auto most = is_scattered_ ? std::min(most_scattered, share_) : share_;
    return frames_ - from + to_come >= most;
  }

  /// Whether it has twice its size.
  [[nodiscard]] bool is_overgrown() const noexcept {
    return frames_ > 2 * most_;
  }

private:
  static constexpr auto page_bytes
    = static_cast<std::int64_t>(sqlite::page_bytes);
  static constexpr auto frame_bytes
    = page_bytes + static_cast<std::int64_t>(file_format::frame_header_bytes);
  static constexpr std::int64_t most_scattered = 1'000;

  std::int64_t most_;
  std::int64_t share_;
  std::int64_t frames_ = 0;
  // The largest commit since the log began, and that of the log before.
  std::int64_t largest_commit_ = 0;
  std::int64_t largest_commit_before_ = 0;
  bool is_scattered_ = false;
};

} // namespace waybill
