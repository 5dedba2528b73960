// Puts a backup in the place of a store.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/progress_function.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

enum class restore_mode : std::uint8_t {
  /// Only where no store is.
  create,
  /// Also in the place of one, with all that is in it and in its log.
  replace,
};

/// Makes a copy of `backup`, verifies it, and gives it the name `file` at once,
/// as another incarnation of the store. Logs of what was there before go. It is
/// durable when this returns; whatever ends it before leaves what was there, or
/// the new file beside an old log, which every owner refuses and the next call
/// removes. The backup stays.
///
/// @param backup a store that waybill can read: of `store_reader::backup`, or
///        all files of a stopped or killed one.
/// @returns false if `progress` stopped it; then nothing has changed.
/// @throws store_error `store_locked` while an owner lives, `store_unavailable`
///         if `file` is there and may not be replaced, `store_corrupt` if the
///         backup is damaged, others as `store_reader::backup`.
bool restore_store(const std::string& backup, const std::string& file,
                   restore_mode mode, const progress_function& progress = {});

} // namespace waybill
