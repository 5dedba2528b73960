// When a batch is committed: a COMMIT costs as much for few requests as for
// many.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace waybill {

/// What to do about the open batch.
enum class commit_when : std::uint8_t {
  /// Nothing yet: ask again.
  again,
  /// Commit, and work on the next batch while this one is synced.
  ahead,
  /// Commit, and wait for its end.
  now,
};

/// Decides by how many requests wait and how long a COMMIT takes.
class commit_policy {
public:
  using clock = std::chrono::steady_clock;

  commit_policy(std::int64_t max_batch, bool may_overlap) noexcept
    : max_batch_{max_batch}, may_overlap_{may_overlap} {}

  struct situation {
    /// Requests of the open batch that wait for its end.
    std::int64_t held = 0;
    /// All requests that wait, those included.
    std::int64_t waiting = 0;
    /// Whether the batch before is being synced.
    bool syncing = false;
    /// Whether someone waits for the batch's end, but for those requests.
    bool end_is_awaited = false;
  };

  // -- what happens -----------------------------------------------------------

  void begin_batch(clock::time_point now) noexcept {
    began_ = now;
    arrivals_ = false;
  }

  /// A request that writes.
  void arrive() noexcept { arrivals_ = true; }

  /// A batch has been committed; one that is slow is no rule.
  void committed(clock::duration took) noexcept {
    commit_time_ += (took - commit_time_) / 4;
  }

  // -- what to do -------------------------------------------------------------

  [[nodiscard]] bool is_full(std::int64_t held) const noexcept {
    return held >= max_batch_;
  }

  /// After a request.
  ///
  /// A batch may be synced while the next is worked on. That pays when two
  /// fifths to a half of all that waits have been done, as long as a batch of
  /// that size takes as long as its COMMIT: else two small batches cost two
  /// syncs where a large one costs one. Not if someone waits for its end.
  [[nodiscard]] commit_when after_request(const situation& x) const {
    if (is_full(x.held))
      return commit_when::now;
    const auto pays = may_overlap_ && !x.syncing && x.held > 0
                      && 2 * x.held <= x.waiting && 2 * x.waiting <= 5 * x.held
                      && !x.end_is_awaited
                      && clock::now() - began_ >= commit_time_;
    return pays ? commit_when::ahead : commit_when::again;
  }

  /// When the batch's commit message has come. Where requests came since it was
  /// sent, more have probably come while they were applied, and it goes round
  /// again. A batch that nobody waits for is a purge's step: the next one
  /// begins meanwhile.
  [[nodiscard]] commit_when at_commit_message(const situation& x) {
    if (std::exchange(arrivals_, false) && clock::now() - began_ < max_age)
      return commit_when::again;
    return may_overlap_ && x.held == 0 && !x.end_is_awaited ? commit_when::ahead
                                                            : commit_when::now;
  }

private:
  static constexpr auto max_age = std::chrono::milliseconds{5};

  const std::int64_t max_batch_;
  const bool may_overlap_;
  clock::time_point began_;
  bool arrivals_ = false;         // writes since the commit message was sent
  clock::duration commit_time_{}; // about how long one takes
};

} // namespace waybill
