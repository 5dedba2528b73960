// Whose turn it is among the calls of a target that have an order key.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "waybill/tracked_operation_id.hpp"

namespace waybill {

/// Which call in memory has which key. Others with its key stay in the store,
/// however many, so that they take no room: when that call has ended, the store
/// is asked for the next one. What the store says counts: it lets no call begin
/// while an earlier one has its key.
class order_keys {
public:
  /// Whether the call may be in memory; it then has the key until `end` or
  /// `leave`.
  /// @param others whether the store may have others.
  bool take(const std::string& key, const tracked_operation_id& id,
            bool others) {
    const auto [at, is_new]
      = holders_.try_emplace(key, entry{.id = id, .others = others});
    auto& x = at->second;
    if (!is_new)
      x.others = true;
    return is_new || x.id == id;
  }

  /// The store has a call that comes before others with its key: whoever has
  /// the key is to give it up when it waits.
  /// @returns who has it.
  std::optional<tracked_operation_id> note_earlier(const std::string& key) {
    const auto found = holders_.find(key);
    if (found == holders_.end())
      return std::nullopt;
    found->second.others = true;
    found->second.yields = true;
    return found->second.id;
  }

  /// Whether who has the key is to give it up.
  [[nodiscard]] bool yields(const std::string& key) const {
    const auto found = holders_.find(key);
    return found != holders_.end() && found->second.yields;
  }

  /// The call stays in the store alone for now.
  void leave(const std::string& key) { holders_.erase(key); }

  /// The call has ended, or an earlier one is in the store: the store is asked
  /// for the next one, if there may be any.
  void end(const std::string& key) {
    const auto found = holders_.find(key);
    if (found == holders_.end())
      return;
    if (!found->second.others) {
      holders_.erase(found);
      return;
    }
    found->second = {};
    to_ask_.push_back(key);
  }

  /// A key of which the store is to be asked for the next call.
  std::optional<std::string> next_to_ask() {
    if (to_ask_.empty())
      return std::nullopt;
    auto key = std::move(to_ask_.front());
    to_ask_.pop_front();
    return key;
  }

  /// The store has one, which has the key now.
  void found(const std::string& key, const tracked_operation_id& id) {
    auto& x = holders_[key]; // an earlier one may have come meanwhile
    x.id = id;
    x.others = true;
  }

  /// The store has none that waits.
  void found_none(const std::string& key) {
    const auto found = holders_.find(key);
    if (found == holders_.end() || found->second.id)
      return;
    if (found->second.others) // one that has come meanwhile
      end(key);
    else
      holders_.erase(found);
  }

  /// The store has not answered.
  void not_found(const std::string& key) { to_ask_.push_back(key); }

  void clear() {
    holders_.clear();
    to_ask_.clear();
  }

private:
  struct entry {
    std::optional<tracked_operation_id> id; // none while the store is asked
    bool others = false;                    // may be in the store
    bool yields = false;                    // one of them comes first
  };

  std::unordered_map<std::string, entry> holders_;
  std::deque<std::string> to_ask_;
};

} // namespace waybill
