// Operators pause a target of store-and-forward, and let it go on.
//
//   request         reply         what it does
//   pause_target    pause_reply   no attempt begins until it is resumed
//   resume_target   pause_reply   attempts begin again, slowly at first
//
// The store keeps who has paused a target, when and why, also across restarts.
// Calls are taken meanwhile, attempts under way end, times to live run on.
// Repeating a request is harmless.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "waybill/field_list.hpp"
#include "waybill/timestamp.hpp"

namespace waybill {

struct pause_reply;

/// Why no attempt begins for a target.
struct target_pause {
  /// When the store has learnt of it.
  timestamp since;
  std::string who;
  std::string reason;

  bool operator==(const target_pause&) const = default;
  static constexpr const char* type_name = "target_pause";
  static constexpr auto fields() {
    return std::tuple{field{"since", &target_pause::since},
                      field{"who", &target_pause::who},
                      field{"reason", &target_pause::reason}};
  }
};

/// Once this is answered, no attempt begins for the target any more; those that
/// had begun are waited for by nobody, and reported as ever.
struct pause_target {
  /// 1 to `limits::max_target` bytes.
  std::string target;
  /// 1 to `limits::max_operator` bytes.
  std::string who;
  /// 1 to `limits::max_reason` bytes.
  std::string reason;

  bool operator==(const pause_target&) const = default;
  using reply = pause_reply;
  static constexpr const char* type_name = "pause_target";
  static constexpr auto fields() {
    return std::tuple{field{"target", &pause_target::target},
                      field{"who", &pause_target::who},
                      field{"reason", &pause_target::reason}};
  }
};

struct resume_target {
  std::string target;
  /// Who wants it, and why; see `operator_act`.
  std::optional<std::string> who = std::nullopt;
  std::optional<std::string> reason = std::nullopt;

  bool operator==(const resume_target&) const = default;
  using reply = pause_reply;
  static constexpr const char* type_name = "resume_target";
  static constexpr auto fields() {
    return std::tuple{field{"target", &resume_target::target},
                      field{"who", &resume_target::who},
                      field{"reason", &resume_target::reason}};
  }
};

enum class pause_outcome : std::uint8_t {
  /// The target is paused, or resumed, by this request.
  applied = 0,
  /// It was already.
  unchanged = 1,
  /// The store knows no target of that name.
  not_found = 2,
};
inline constexpr int num_pause_outcomes = 3;
std::string to_string(pause_outcome x);
std::optional<pause_outcome>
parse_pause_outcome(std::string_view text) noexcept;

struct pause_reply {
  pause_outcome outcome = pause_outcome::applied;
  /// What pauses the target now, maybe since earlier; of one that is resumed,
  /// what has paused it until now.
  std::optional<target_pause> pause;

  bool operator==(const pause_reply&) const = default;
  static constexpr const char* type_name = "pause_reply";
  static constexpr auto fields() {
    return std::tuple{field{"outcome", &pause_reply::outcome},
                      field{"pause", &pause_reply::pause}};
  }
};

/// Says what is wrong with a request; see `messages.hpp`.
std::optional<std::string> find_fault(const pause_target& x);
std::optional<std::string> find_fault(const resume_target& x);

} // namespace waybill
