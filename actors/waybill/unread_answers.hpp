// How much of what has been answered lies unread in its askers' mailboxes,
// which have no bound.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "waybill/limits.hpp"
#include "waybill/store_error.hpp"
#include "waybill/unread_mark.hpp"

namespace waybill {

/// Counts answers from when they go out until they have been read. One asker
/// may have a quarter of what all may. The marks may outlive this, and go in
/// any thread.
class unread_answers {
public:
  /// Stands for whoever has asked.
  using asker = std::uint64_t;

  /// Whether another answer may go out to `who`, however large that is.
  /// @throws store_error `overloaded`.
  void require_room(asker who) const {
    const auto at = accounts_.find(who);
    if (at != accounts_.end() && *at->second >= share)
      throw_overloaded("the sender", *at->second);
    if (*all_ >= limits::max_unread_bytes)
      throw_overloaded("all senders", *all_);
  }

  /// @returns what goes out with an answer.
  unread_mark add(asker who, std::size_t bytes) {
    auto& account = accounts_[who];
    if (!account)
      account = std::make_shared<counter>(0);
    return unread_mark{std::make_shared<entry>(account, all_, bytes)};
  }

  /// It asks no more; what it has not read goes with its mailbox.
  void forget(asker who) { accounts_.erase(who); }

private:
  using counter = std::atomic<std::size_t>;

  static constexpr auto share = limits::max_unread_bytes / 4;

  class entry {
  public:
    entry(std::shared_ptr<counter> theirs, std::shared_ptr<counter> all,
          std::size_t bytes) noexcept
      : theirs_{std::move(theirs)}, all_{std::move(all)}, bytes_{bytes} {
      *theirs_ += bytes_;
      *all_ += bytes_;
    }

    ~entry() {
      *theirs_ -= bytes_;
      *all_ -= bytes_;
    }

    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;

  private:
    const std::shared_ptr<counter> theirs_;
    const std::shared_ptr<counter> all_;
    const std::size_t bytes_;
  };

  [[noreturn]] static void throw_overloaded(const char* whose,
                                            std::size_t bytes) {
    throw store_error{errc::overloaded,
                      std::to_string(bytes) + " bytes of answers to "
                        + std::string{whose} + " have not been read"};
  }

  std::map<asker, std::shared_ptr<counter>> accounts_;
  const std::shared_ptr<counter> all_ = std::make_shared<counter>(0);
};

} // namespace waybill
