// Decides whether what many clients saw of one operation can be explained by
// one order of their requests (Wing and Gong's search with Lowe's memory of
// what has been tried).
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "waybill/tracking_status.hpp"

namespace waybill::test {

/// What is known of an operation: who made it and who changed it last, by the
/// numbers of the events that did.
struct row_view {
  static constexpr std::int32_t nobody = -1;

  bool is_there = false;
  tracking_status status = tracking_status::submitted;
  std::int32_t retry_count = 0;
  std::int32_t maker = nobody;
  std::int32_t changer = nobody;

  bool operator==(const row_view&) const = default;
};

/// A request and its answer, as one client saw them.
struct seen_event {
  enum class verb : std::uint8_t { enqueue, attempt, terminal, look, purge };
  /// What an enqueue or an update was answered.
  enum class answer : std::uint8_t { done, exists, terminal, not_found, none };

  static constexpr auto never = std::numeric_limits<std::uint64_t>::max();

  verb what = verb::look;
  std::int32_t number = 0;
  std::uint32_t client = 0;
  /// What an update writes; what a purge is for, if `any_status` is false.
  tracking_status status = tracking_status::submitted;
  bool any_status = false;
  std::int32_t retry_count = 0;
  /// When it was sent and answered, on one clock for all; requests of one
  /// client take effect in the order in which they were sent.
  std::uint64_t sent = 0;
  std::uint64_t answered = never;
  /// It may have had no effect at all.
  bool is_optional = false;
  /// `none` if any answer will do.
  answer said = answer::none;
  /// What a look was shown.
  row_view shown = {};
};

/// The event on one line, for people.
inline std::string to_string(const seen_event& x) {
  static constexpr const char* verbs[] = {"enqueue", "attempt", "terminal",
                                          "look", "purge"};
  static constexpr const char* answers[]
    = {"done", "it exists", "already terminal", "not found", "-"};
  auto text
    = "client " + std::to_string(x.client) + " sent " + std::to_string(x.sent)
      + " answered "
      + (x.answered == seen_event::never ? "never" : std::to_string(x.answered))
      + (x.is_optional ? " perhaps" : "") + ": "
      + verbs[static_cast<int>(x.what)] + " " + std::to_string(x.number);
  if (x.what == seen_event::verb::purge)
    return text + (x.any_status ? "" : " " + to_string(x.status));
  if (x.what != seen_event::verb::look)
    return text + " " + to_string(x.status) + " "
           + std::to_string(x.retry_count) + ": "
           + answers[static_cast<int>(x.said)];
  if (!x.shown.is_there)
    return text + ": nothing";
  return text + ": " + to_string(x.shown.status) + " "
         + std::to_string(x.shown.retry_count) + ", made by "
         + std::to_string(x.shown.maker) + ", changed by "
         + std::to_string(x.shown.changer);
}

/// What a check comes to.
enum class verdict : std::uint8_t { explained, impossible, undecided };

class linearizability_check {
public:
  static constexpr std::size_t max_events = 192;

  explicit linearizability_check(std::vector<seen_event> events)
    : events_{std::move(events)} {
    std::ranges::sort(events_, {}, &seen_event::answered);
    before_.resize(events_.size());
    for (std::size_t i = 0; i < events_.size(); ++i) {
      for (std::size_t j = 0; j < events_.size(); ++j)
        if (comes_before(events_[j], events_[i]))
          before_[i].set(j);
      if (!events_[i].is_optional)
        required_.set(i);
    }
  }

  /// @param max_steps how long to search.
  verdict operator()(std::size_t max_steps = 2'000'000) {
    steps_left_ = max_steps;
    if (search({}, {}))
      return verdict::explained;
    return steps_left_ == 0 ? verdict::undecided : verdict::impossible;
  }

private:
  using event_set = std::bitset<max_events>;
  using answer = seen_event::answer;
  using verb = seen_event::verb;

  struct node {
    event_set done;
    row_view row;
    bool operator==(const node&) const = default;
  };

  struct node_hash {
    std::size_t operator()(const node& x) const noexcept {
      auto sum = std::hash<event_set>{}(x.done);
      for (const auto part :
           {x.row.is_there ? 1 : 0, static_cast<int>(x.row.status),
            x.row.retry_count, x.row.maker, x.row.changer})
        sum = (sum ^ static_cast<std::size_t>(part)) * 0x9E3779B97F4A7C15U;
      return sum;
    }
  };

  static bool comes_before(const seen_event& a, const seen_event& b) {
    if (a.client == b.client)
      return a.sent < b.sent;
    return a.answered < b.sent;
  }

  // Whether the answer says that nothing was changed; then it may as well have
  // come as early as it can be true.
  static bool only_looks(const seen_event& x) {
    return x.what == verb::look
           || (x.said != answer::done && x.said != answer::none);
  }

  // The row after `x`; none if its answer would be a wrong one.
  static std::optional<row_view> after(row_view row, const seen_event& x) {
    const auto is = [&](answer truth) {
      return x.said == answer::none || x.said == truth;
    };
    const auto unchanged_if = [&](bool holds) {
      return holds ? std::optional{row} : std::nullopt;
    };
    switch (x.what) {
      case verb::look:
        return unchanged_if(row == x.shown);
      case verb::purge:
        if (row.is_there && is_terminal(row.status)
            && (x.any_status || row.status == x.status))
          return row_view{};
        return row;
      case verb::enqueue:
        if (row.is_there)
          return unchanged_if(is(answer::exists));
        if (!is(answer::done))
          return std::nullopt;
        row = {};
        row.is_there = true;
        row.maker = x.number;
        return row;
      default:
        if (!row.is_there)
          return unchanged_if(is(answer::not_found));
        if (is_terminal(row.status))
          return unchanged_if(is(answer::terminal));
        if (!is(answer::done))
          return std::nullopt;
        if (x.what == verb::attempt && x.retry_count < row.retry_count)
          return row; // a late repeat
        row.changer = x.number;
        row.status = std::max(row.status, x.status);
        if (x.what == verb::attempt)
          row.retry_count = x.retry_count;
        return row;
    }
  }

  bool search(event_set done, row_view row) {
    for (bool again = true; again;) {
      again = false;
      for (std::size_t i = 0; i < events_.size(); ++i)
        if (!done[i] && only_looks(events_[i]) && (before_[i] & ~done).none()
            && after(row, events_[i])) {
          done.set(i);
          again = true;
        }
    }
    if ((required_ & ~done).none())
      return true;
    if (steps_left_ == 0 || !tried_.insert({done, row}).second)
      return false;
    --steps_left_;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const auto skipped = before_[i] & ~done;
      if (done[i] || (skipped & required_).any())
        continue;
      if (const auto next = after(row, events_[i])) {
        auto now_done = done | skipped; // it is too late for these
        now_done.set(i);
        if (search(now_done, *next))
          return true;
      }
    }
    return false;
  }

  std::vector<seen_event> events_;
  std::vector<event_set> before_;
  event_set required_;
  std::size_t steps_left_ = 0;
  std::unordered_set<node, node_hash> tried_;
};

} // namespace waybill::test
