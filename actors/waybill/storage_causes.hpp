// Why storage is not well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "waybill/messages.hpp"

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

constexpr std::size_t num_storage_causes = 3;

/// The causes that hold, several at once maybe. The first text of a cause stays
/// while it holds.
class storage_causes {
public:
  void set(storage_cause x, const char* text) {
    if (auto& mine = texts_[static_cast<std::size_t>(x)]; !mine)
      mine = text;
  }

  void clear(storage_cause x) noexcept {
    texts_[static_cast<std::size_t>(x)].reset();
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
