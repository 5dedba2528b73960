// Cursors of watches: a place among the transitions of a store, and of that
// store only.
//
// Numbers of transitions say too little: a backup that is restored gives the
// numbers after its last one a second time. So each opening of a store that
// gives numbers is an epoch, with a mark drawn by chance and its first number,
// and a cursor names the store, the epoch and the number. An epoch ends where
// the next one in the file begins: a cursor that is behind that end, or of an
// epoch that the file does not have, is of a life that this store did not go on
// with.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/sqlite.hpp"
#include "waybill/store_identity.hpp"

namespace waybill {

/// How many epochs a store remembers.
inline constexpr std::int64_t max_epochs = 1'000;

/// Makes and reads the cursors of one file.
class transition_cursors {
public:
  explicit transition_cursors(sqlite::connection& db);

  /// The store's UUID, in hexadecimal.
  [[nodiscard]] const std::string& store() const noexcept { return store_; }

  /// `STORE-EPOCH-NUMBER`, the first two hexadecimal. The number alone if it is
  /// older than all epochs that are remembered.
  std::string at(std::int64_t number);

  /// The number of a cursor or of a text that is a number only.
  /// @param last the last number of the store.
  /// @throws store_error `invalid_request`, with `after` as the field, for
  ///         what is none of this store.
  std::int64_t number_of(const std::string& text, std::int64_t last);

private:
  std::int64_t number_in_epoch(std::uint64_t mark, std::int64_t number);

  std::string store_;
  sqlite::statement epoch_at_;
  sqlite::statement find_;
  sqlite::statement next_;
};

} // namespace waybill
