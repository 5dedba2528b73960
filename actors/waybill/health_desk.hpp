// How a tracker's storage is, for those who ask, read or run the service.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "waybill/commit_listener.hpp"
#include "waybill/health_board.hpp"
#include "waybill/options.hpp"
#include "waybill/storage_health.hpp"

namespace waybill {

/// Hears what happens to storage. What storage_health makes of it is shown on
/// the board and told to the operator; readers hear when nothing may be read.
class health_desk {
public:
  using time_point = storage_health::time_point;

  /// @param last_error what the tracking actor before died of, if any did.
  health_desk(const options& x, std::shared_ptr<health_board> board,
              std::shared_ptr<commit_listener> listener,
              std::optional<std::string> last_error)
    : clock_{x.clock},
      on_notice_{x.on_notice},
      board_{std::move(board)},
      listener_{std::move(listener)},
      health_{clock_.wall(), std::move(last_error)} {
    board_->show(health_.describe());
  }

  /// For all that changes nothing that is shown.
  [[nodiscard]] storage_health& storage() noexcept { return health_; }

  // -- what has happened; see storage_health ----------------------------------

  /// @param in_doubt whether something is shown of which it is not known that
  ///        it is durable: a power loss may take it back.
  void failed(const store_error& e, bool in_doubt = false) {
    if (in_doubt)
      listener_->forbid_reading({errc::not_stored, e.what(), e.sqlite_code()});
    report(health_.failed(e, now()));
  }

  void works(const store_condition& x) { report(health_.works(x, now())); }

  void store_is(const store_condition& x) {
    report(health_.store_is(x, now()));
  }

  /// Is told if it was long.
  void has_waited(const char* what, time_point::duration took) {
    if (took >= health_board::long_time)
      report(health_.has_waited(what, took, now()));
  }

  void catch_up() { report(health_.catch_up(now())); }

  /// Once a second at most: whether the store's files are still there.
  /// @param look throws store_error if not.
  template <class Look>
  void look_at_files(Look&& look) {
    const auto time = now();
    if (time - looked_at_files_ < file_look_interval)
      return;
    looked_at_files_ = time;
    try {
      look();
    } catch (const store_error& e) {
      looked_at_files_ = time_point::max(); // it is told once
      listener_->forbid_reading(e);
      failed(e);
    }
  }

  // -- what readers have found ------------------------------------------------

  /// Damage, unless it has been shown.
  [[nodiscard]] std::optional<store_error> new_damage() const {
    return health_.state() == health_state::failed ? std::nullopt
                                                   : listener_->damage();
  }

private:
  static constexpr auto file_look_interval = std::chrono::seconds{1};

  static time_point now() noexcept { return time_point::clock::now(); }

  void report(const storage_health::notices& x) {
    if (health_.take_change()) {
      if (health_.state() == health_state::failed)
        listener_->forbid_reading({errc::store_corrupt, health_.reason()});
      health_.changed_at(clock_.wall_or_system());
    }
    board_->show(health_.describe());
    for (const auto& each : x)
      notify(on_notice_, each.level, each.text);
  }

  const time_source clock_;
  const notice_function on_notice_;
  const std::shared_ptr<health_board> board_;
  const std::shared_ptr<commit_listener> listener_;
  storage_health health_;
  time_point looked_at_files_ = now();
};

} // namespace waybill
