// How many operations are waited for, by all and by each asker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "waybill/limits.hpp"
#include "waybill/store_error.hpp"
#include "waybill/waiter_book.hpp"

namespace waybill {

/// Ids that are waited for are bounded, and so is one asker's share of them: a
/// quarter of all, or one request's.
class wait_shares {
public:
  using asker = waiter_book::number;

  explicit wait_shares(std::size_t max_ids) noexcept
    : max_ids_{max_ids},
      share_{std::max(max_ids / 4, std::min(max_ids, limits::max_awaited))} {}

  /// @throws store_error `overloaded` if so many more are too many.
  void require_room(std::size_t ids) const {
    if (ids_ + ids > max_ids_)
      throw store_error{errc::overloaded,
                        "max_waits: " + std::to_string(ids_)
                          + " operations are waited for already"};
  }

  /// Comes before `take()`, which then cannot fail.
  /// @throws store_error `overloaded` if so many more are too many for `who`.
  void require_share(asker who, std::size_t ids) {
    const auto at = ids_of_.find(who);
    const auto theirs = at == ids_of_.end() ? 0 : at->second;
    if (theirs + ids > share_)
      throw store_error{errc::overloaded,
                        "max_waits: the sender waits for "
                          + std::to_string(theirs) + " operations already, of "
                          + std::to_string(share_) + " that it may"};
    ids_of_.try_emplace(who);
  }

  void take(asker who, std::size_t ids) noexcept {
    ids_ += ids;
    ids_of_.find(who)->second += ids;
  }

  void give_back(asker who, std::size_t ids) noexcept {
    ids_ -= ids;
    if (const auto at = ids_of_.find(who); at->second > ids)
      at->second -= ids;
    else
      ids_of_.erase(at);
  }

private:
  const std::size_t max_ids_;
  const std::size_t share_; // of one asker
  std::size_t ids_ = 0;     // each as often as it is waited for
  std::unordered_map<asker, std::size_t> ids_of_;
};

} // namespace waybill
