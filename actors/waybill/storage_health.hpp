// What ails a tracker's storage: the causes, since when, what the operator is
// to be told of it, and when the tracker tries again.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/options.hpp"
#include "waybill/recurring_trouble.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// Why storage is not well, the gravest last.
enum class storage_cause : std::uint8_t {
  /// A reader keeps the write-ahead log from being emptied.
  log_held = 0,
  /// Reading or writing has failed, and nothing was committed since.
  failing = 1,
  /// The file is damaged. It does not heal.
  damaged = 2,
};

/// What an operator is to be told.
struct health_notice {
  severity level = severity::info;
  std::string text;
};

/// Several causes may hold at once; the gravest is shown. The first text of a
/// cause stays while it holds.
///
/// What may change what is shown returns notices, which are fewer than the
/// changes if it changes often; if `take_change()`, the caller then says by
/// `changed_at()` when that was.
class storage_health {
public:
  using milliseconds = std::chrono::milliseconds;
  using time_point = std::chrono::steady_clock::time_point;
  using notices = std::vector<health_notice>;

  /// @param last_error what the tracking actor before died of, if there was
  ///        one.
  storage_health(timestamp now, std::optional<std::string> last_error)
    : since_{now}, last_error_{std::move(last_error)} {}

  // -- what is shown ----------------------------------------------------------

  [[nodiscard]] health_state state() const noexcept {
    const auto gravest = cause();
    if (!gravest)
      return health_state::ok;
    return *gravest == storage_cause::damaged ? health_state::failed
                                              : health_state::degraded;
  }

  /// The gravest cause.
  [[nodiscard]] std::optional<storage_cause> cause() const noexcept;

  /// Since when.
  [[nodiscard]] timestamp since() const noexcept { return since_; }

  /// The gravest cause's text; empty if there is none.
  [[nodiscard]] std::string reason() const;

  /// What a health_reply says of storage: state, reason, since, last error.
  [[nodiscard]] health_reply describe() const;

  // -- what happens -----------------------------------------------------------

  /// Storage has failed with `e`, or the file was found to be damaged.
  [[nodiscard]] notices failed(const store_error& e, time_point now);

  /// Something has been written and committed, by a batch or a probe. A commit
  /// that changed nothing shows nothing.
  [[nodiscard]] notices works(bool log_is_overgrown, time_point now);

  /// The log is not overgrown any more.
  [[nodiscard]] notices log_fits(time_point now);

  /// Work that waits for the disk has taken as long as `took`.
  [[nodiscard]] notices has_waited(const char* what, time_point::duration took,
                                   time_point now);

  /// What went untold, if that is to be told now.
  [[nodiscard]] notices catch_up(time_point now);

  /// Whether what is shown has changed since the last call.
  [[nodiscard]] bool take_change() noexcept {
    return std::exchange(has_changed_, false);
  }

  void changed_at(timestamp now) noexcept { since_ = now; }

  // -- trying again -----------------------------------------------------------

  /// When to try whether storage works, or to call `catch_up()` if it does.
  /// @param at_once whether to do so without the usual delay.
  /// @returns none if there is nothing to do, or a try is to come already.
  [[nodiscard]] std::optional<milliseconds> next_try(bool at_once);

  /// The try has come.
  void begin_try() noexcept { try_is_to_come_ = false; }

  /// Makes the delays longer, up to 500 ms.
  void back_off() noexcept;

  /// A batch of requests has written: the delays start over.
  void reset_delay() noexcept { delay_ = first_delay; }

private:
  static constexpr auto first_delay = milliseconds{20};
  static constexpr auto max_delay = milliseconds{500};

  void set(storage_cause x, const char* text);
  void clear(storage_cause x) noexcept;
  [[nodiscard]] notices changes_since(std::optional<storage_cause> before,
                                      time_point now);
  [[nodiscard]] health_notice describe_cause(std::int64_t untold) const;
  [[nodiscard]] bool has_untold() const noexcept;

  std::array<std::optional<std::string>, 3> texts_; // of those that hold
  std::array<recurring_trouble, 3> troubles_;       // as the gravest cause
  recurring_trouble slowness_;
  bool has_changed_ = false;
  timestamp since_;
  std::optional<std::string> last_error_;
  bool try_is_to_come_ = false;
  milliseconds delay_ = first_delay;
};

} // namespace waybill
