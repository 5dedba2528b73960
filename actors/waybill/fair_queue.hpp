// Work for several askers, done in turns: who asks for much waits longer, and
// holds up nobody else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace waybill {

/// Things to do, in the order in which each asker has asked for its own.
template <class Item>
class fair_queue {
public:
  /// Stands for whoever has asked.
  using asker = std::uint64_t;

  void push(asker who, Item x) {
    auto& theirs = items_[who];
    if (theirs.empty() && who != last_)
      turns_.push_back(who);
    theirs.push_back(std::move(x));
  }

  /// Takes the first thing of the asker whose turn it is. Its next one comes
  /// when all others have had their turns, those who have asked by the next
  /// call included.
  std::optional<Item> pop() {
    if (last_ && items_.contains(*last_))
      turns_.push_back(*last_);
    last_.reset();
    if (turns_.empty())
      return std::nullopt;
    last_ = turns_.front();
    turns_.pop_front();
    const auto at = items_.find(*last_);
    std::optional<Item> x{std::move(at->second.front())};
    at->second.pop_front();
    if (at->second.empty())
      items_.erase(at);
    return x;
  }

  /// Takes all that someone has asked for.
  std::deque<Item> drop(asker who) {
    const auto at = items_.find(who);
    if (at == items_.end())
      return {};
    auto theirs = std::move(at->second);
    items_.erase(at);
    std::erase(turns_, who);
    return theirs;
  }

  /// How many things of someone wait.
  [[nodiscard]] std::size_t count(asker who) const {
    const auto at = items_.find(who);
    return at == items_.end() ? 0 : at->second.size();
  }

  /// How many askers have something that waits.
  [[nodiscard]] std::size_t askers() const noexcept { return items_.size(); }

  [[nodiscard]] bool is_empty() const noexcept { return items_.empty(); }

private:
  std::unordered_map<asker, std::deque<Item>> items_; // none of them empty
  std::deque<asker> turns_;   // each asker once, but for the last
  std::optional<asker> last_; // whose turn it was
};

} // namespace waybill
