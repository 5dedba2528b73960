// What ails a tracker's storage: the causes, since when, what the operator is
// to be told of it, and when the tracker tries again.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "waybill/health_notices.hpp"
#include "waybill/messages.hpp"
#include "waybill/storage_causes.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// What may change what is shown returns notices, which are fewer than the
/// changes if it changes often; if `take_change()`, the caller then says by
/// `changed_at()` when that was.
class storage_health {
public:
  using milliseconds = std::chrono::milliseconds;
  using time_point = health_notices::time_point;
  using notices = health_notices::list;

  /// @param last_error what the tracking actor before died of, if any did.
  storage_health(timestamp now, std::optional<std::string> last_error)
    : since_{now}, last_error_{std::move(last_error)} {}

  [[nodiscard]] health_state state() const noexcept { return causes_.state(); }

  /// The gravest cause.
  [[nodiscard]] std::optional<storage_cause> cause() const noexcept {
    return causes_.gravest();
  }

  /// Its text, empty if there is none, and since when.
  [[nodiscard]] std::string reason() const { return causes_.text(); }
  [[nodiscard]] timestamp since() const noexcept { return since_; }

  /// What a health_reply says of storage: state, reason, since, last error,
  /// targets that the store knows something of.
  [[nodiscard]] health_reply describe() const;

  /// Storage has failed with `e`, or the file was found to be damaged.
  [[nodiscard]] notices failed(const store_error& e, time_point now);

  /// Something has been written and committed, by a batch or a probe. A commit
  /// that changed nothing shows nothing.
  [[nodiscard]] notices works(const store_condition& x, time_point now);

  /// That has been found.
  [[nodiscard]] notices store_is(const store_condition& x, time_point now);

  /// Work that waits for the disk has taken as long as `took`.
  [[nodiscard]] notices has_waited(const char* what, time_point::duration took,
                                   time_point now) {
    return notices_.has_waited(what, took, now);
  }

  /// What went untold, if that is to be told now.
  [[nodiscard]] notices catch_up(time_point now) {
    return cause() ? notices{} : notices_.catch_up(now);
  }

  /// Whether what is shown has changed since the last call.
  [[nodiscard]] bool take_change() noexcept {
    return std::exchange(shown_, cause()) != cause();
  }
  void changed_at(timestamp now) noexcept { since_ = now; }

  /// When to try whether storage works, or to call `catch_up()` if it does.
  /// @param at_once whether to do so without the usual delay.
  /// @returns none if there is nothing to do, or a try is to come already.
  [[nodiscard]] std::optional<milliseconds> next_try(bool at_once) noexcept;

  /// The try has come.
  void begin_try() noexcept { try_is_to_come_ = false; }

  /// Makes the delays longer, up to 500 ms.
  void back_off() noexcept { delay_ = std::min(2 * delay_, max_delay); }

  /// A batch of requests has written: the delays start over.
  void reset_delay() noexcept { delay_ = first_delay; }

private:
  static constexpr auto first_delay = milliseconds{20};
  static constexpr auto max_delay = milliseconds{500};

  storage_causes causes_;
  health_notices notices_;
  std::optional<storage_cause> shown_;
  timestamp since_;
  std::optional<std::string> last_error_;
  std::vector<target_health> targets_;
  bool try_is_to_come_ = false;
  milliseconds delay_ = first_delay;
};

} // namespace waybill
