// Who owns a store's files: whoever holds the lock of FILE-lock.
//
// FILE-lock is empty, and stays when the store closes. It has the owner and the
// mode of the database, so that whoever may open that may take its lock. The
// log of an open store is locked too (store_opening.cpp), should someone remove
// the lock file. It keeps space in reserve (space_reserve.hpp).
#pragma once

#include <chrono>
#include <string>

#include "waybill/file_access.hpp"

namespace waybill {

/// Ownership of a store's files, for as long as the object lives: an flock(2).
/// The kernel gives it up when the process ends, however it ends; a child that
/// the process forks does not keep it.
class file_ownership {
public:
  file_ownership() noexcept = default;

  /// Takes the ownership of `file`.
  /// @throws store_error `store_locked` if anyone holds it, this process
  ///         included; `store_unavailable` if the lock file cannot be made, or
  ///         is not this store's own.
  explicit file_ownership(const std::string& file);

  /// Gives up what has just been taken and removes the lock file if this object
  /// made it: a file that turns out to be no store gets no company.
  void withdraw() noexcept;

  /// Whether the lock file is still the one whose lock is held. If someone has
  /// removed or replaced it, another owner may be at work.
  [[nodiscard]] bool is_held() const noexcept;

  [[nodiscard]] const std::string& lock_file() const noexcept {
    return lock_file_;
  }

  /// Keeps the space in reserve that opening the store needs.
  void reserve_space() noexcept;

  /// Gives it to whoever comes first.
  /// @returns false if there was none.
  bool release_space() noexcept;

  /// Tells those who clean up by age that the lock file is in use, at most once
  /// an hour.
  void touch() noexcept;

  ~file_ownership();
  file_ownership(file_ownership&& other) noexcept;
  file_ownership& operator=(file_ownership&& other) noexcept;
  file_ownership(const file_ownership&) = delete;
  file_ownership& operator=(const file_ownership&) = delete;

private:
  void close() noexcept;

  std::string lock_file_;
  bool created_ = false;
  int fd_ = -1;
  file_id id_;
  std::chrono::steady_clock::time_point touched_;
};

} // namespace waybill
