// A copy of a store, made while its owner goes on.
#pragma once

#include <string>

#include "waybill/progress_function.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// A copy that has another name, NAME.part, until it is whole; if it never gets
/// so far, nothing is left of it.
///
/// Everything throws store_error: `store_unavailable` if a file cannot be
/// created, `store_full`, `not_stored`, `store_corrupt`.
class unfinished_copy {
public:
  /// Creates an empty NAME.part with mode 0600.
  /// @param name what it is to be called; nothing may have that name.
  explicit unfinished_copy(const std::string& name);
  ~unfinished_copy();

  unfinished_copy(const unfinished_copy&) = delete;
  unfinished_copy& operator=(const unfinished_copy&) = delete;

  /// Where it is until it is finished.
  [[nodiscard]] const std::string& part() const noexcept { return part_; }

  /// Copies what the transaction that is open in `from` sees, as another
  /// incarnation of the store.
  /// @param base_vfs what the VFS of `from` that seals pages does, that of the
  ///        copy does.
  /// @param progress hears of the pages copied.
  /// @returns false if `progress` stopped it.
  bool write(sqlite::connection& from, const std::string& base_vfs,
             const progress_function& progress);

  /// Makes it durable and gives it its name.
  void finish();

private:
  void remove_all() noexcept;

  std::string name_;
  std::string part_;
};

} // namespace waybill
