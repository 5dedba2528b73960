// Why storage is not well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill {

/// Why storage is not well, the gravest last.
enum class storage_cause : std::uint8_t {
  /// A target has nearly as many calls as may be kept for it.
  crowded = 0,
  /// A reader keeps the write-ahead log from being emptied.
  log_held = 1,
  /// The log cannot be copied into the file, and grows.
  checkpoint_failing = 2,
  /// Reading or writing has failed, and nothing was committed since.
  failing = 3,
  /// The file is damaged. It does not heal.
  damaged = 4,
};

constexpr std::size_t num_storage_causes = 5;

/// How the write-ahead log is, and the room for calls.
struct store_condition {
  /// Held by a reader, and too long.
  bool is_overgrown = false;
  /// Why it cannot be copied into the file.
  std::optional<std::string> failure;
  /// Which target has nearly as many calls as may be kept.
  std::optional<std::string> crowding = std::nullopt;
  /// All that are, and those that are paused.
  std::vector<target_health> targets = {};
};

/// The causes that hold, several at once maybe. The first text of a cause stays
/// while it holds.
class storage_causes {
public:
  /// @param text none if it does not hold.
  void set(storage_cause x, const std::optional<std::string>& text) {
    if (auto& mine = texts_[static_cast<std::size_t>(x)]; !mine || !text)
      mine = text;
  }

  void set(const store_condition& x) {
    set(storage_cause::checkpoint_failing, x.failure);
    set(storage_cause::crowded, x.crowding);
    set(storage_cause::log_held, std::nullopt);
    if (x.is_overgrown)
      set(storage_cause::log_held,
          "a reader keeps the write-ahead log from being emptied");
  }

  [[nodiscard]] bool holds(storage_cause x) const noexcept {
    return texts_[static_cast<std::size_t>(x)].has_value();
  }

  [[nodiscard]] std::optional<storage_cause> gravest() const noexcept {
    for (auto i = texts_.size(); i-- > 0;)
      if (texts_[i])
        return static_cast<storage_cause>(i);
    return std::nullopt;
  }

  /// The gravest one's; empty if there is none.
  [[nodiscard]] std::string text() const {
    const auto x = gravest();
    return x ? *texts_[static_cast<std::size_t>(*x)] : std::string{};
  }

  [[nodiscard]] health_state state() const noexcept {
    const auto x = gravest();
    if (!x)
      return health_state::ok;
    return *x == storage_cause::damaged ? health_state::failed
                                        : health_state::degraded;
  }

private:
  std::array<std::optional<std::string>, num_storage_causes> texts_;
};

} // namespace waybill
