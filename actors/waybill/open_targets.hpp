// Which actor works for which target, and what may be kept for it.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "waybill/call_store.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/protocol.hpp"
#include "waybill/store_error.hpp"
#include "waybill/text.hpp"
#include "waybill/waiter_book.hpp"

namespace waybill {

/// Outlives the tracking actor, which may die and be started again: those who
/// work for targets go on. Two actors would begin attempts at the same call, so
/// a target has one at a time, until that one has ended. Used by one tracking
/// actor after the other.
class open_targets {
public:
  /// @throws store_error `invalid_request` if another one works for it.
  void open(const open_target& x, const caf::strong_actor_ptr& who) {
    for (const auto gone : actors_.take_ended())
      std::erase_if(targets_, [gone](const auto& each) {
        return each.second.who == gone;
      });
    const auto number = actors_.number_of(who);
    auto& target
      = targets_.try_emplace(x.target, entry{number, {}}).first->second;
    if (target.who != number)
      throw store_error{errc::invalid_request,
                        "target: another actor works for " + escape(x.target)};
    target.bounds = x.bounds;
  }

  /// Tells a store that has been opened since of the bounds.
  void tell(call_store calls) const {
    for (const auto& [name, each] : targets_)
      calls.set_bounds(name, each.bounds);
  }

  /// Of most answers they need not hear.
  template <class Reply>
  void tell(const Reply&) const noexcept {}

  /// Tells those who work for targets that there are calls to be tried again.
  /// What they ask then, the store is asked behind it.
  void tell(const requeue_reply& x) const {
    std::map<std::string, calls_requeued> news;
    for (const auto& each : x.results) {
      if (each.outcome != requeue_outcome::requeued)
        continue;
      news[each.target.value()].calls.push_back(each);
    }
    tell_all(news);
  }

  /// Tells them that calls are given up. Whether that lasts they hear when they
  /// ask, which is answered behind the batch that it is a part of.
  void tell(const discard_reply& x) const {
    std::map<std::string, calls_discarded> news;
    for (const auto& each : x.results)
      if (each.target && each.outcome != discard_outcome::already_terminal) {
        auto& some = news[*each.target];
        some.ids.push_back(each.id);
        some.had_turn = some.had_turn
                        || each.outcome == discard_outcome::applied;
      }
    tell_all(news);
  }

private:
  template <class News>
  void tell_all(std::map<std::string, News>& news) const {
    for (auto& [target, what] : news) {
      const auto at = targets_.find(target);
      if (at == targets_.end())
        continue;
      if (const auto who = actors_.find(at->second.who))
        tell_from_nobody(caf::actor_cast<caf::actor>(who), std::move(what));
    }
  }

  struct entry {
    waiter_book::number who = 0;
    target_bounds bounds;
  };

  waiter_book actors_;
  std::map<std::string, entry> targets_;
};

} // namespace waybill
