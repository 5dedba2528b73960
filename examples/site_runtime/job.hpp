// Hands the calls of an input to store-and-forward, or goes on with those that
// are kept; watches how they get on, and waits until each is finished.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "input/line_reader.hpp"
#include "site_runtime/follower.hpp"
#include "site_runtime/ledger.hpp"
#include "site_runtime/progress.hpp"
#include "waybill/protocol.hpp"

namespace site_runtime {

/// Who does what with the calls.
struct job_actors {
  waybill::tracking_actor tracker;
  /// Takes calls of `external_kind`.
  waybill::store_and_forward_actor external;
  /// Takes calls of `database_kind`.
  waybill::store_and_forward_actor database;
};

class job {
public:
  /// @param rate calls read a second; 0 for no limit.
  /// @param accounts of the operations that are known already.
  job(caf::actor_system& system, job_actors actors, progress& view,
      std::int64_t rate, ledger accounts);

  /// Returns when all calls are finished, or once `stop_asked_for` says so.
  /// @throws waybill::request_error if the tracker has failed for good.
  ///         std::system_error if the input cannot be read.
  void work(waybill::cli::line_reader& source,
            const std::function<bool()>& stop_asked_for);

  /// The same without an input. Operations of which no call is kept stay in
  /// flight: nobody can make them.
  void go_on(const std::function<bool()>& stop_asked_for);

  /// Whether all calls of the input are kept in the database.
  [[nodiscard]] bool has_handed_over() const {
    return all_read_ && waiting_.empty();
  }

  [[nodiscard]] ledger& accounts() { return ledger_; }

  /// As of now, with the rate of the last seconds.
  [[nodiscard]] progress_figures figures();

  /// With the rate of the whole time.
  [[nodiscard]] progress_figures final_figures() const;

  /// Operations that an earlier run had finished.
  [[nodiscard]] std::int64_t finished_before() const {
    return finished_before_;
  }

private:
  struct read_call {
    std::int64_t line = 0;
    waybill::forward_call call;
  };

  void read(waybill::cli::line_reader& source);
  void take(const waybill::cli::line_reader::line& line);
  void skip(std::int64_t line, const std::string& reason);
  void hand_over();
  void look(std::chrono::milliseconds patience);
  void settle(std::vector<waybill::tracked_operation_id> ids,
              std::chrono::milliseconds patience);
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] bool has_calls() const;

  caf::actor_system& system_;
  waybill::blocking_sender sender_;
  const job_actors actors_;
  progress& view_;
  const std::int64_t rate_;
  const std::chrono::steady_clock::time_point began_;
  ledger ledger_;
  follower follower_;
  /// Read, but not accepted by store-and-forward so far. Nothing more is read
  /// while there are any: that is the back-pressure.
  std::vector<read_call> waiting_;
  bool all_read_ = false;
  std::int64_t num_read_ = 0;
  std::int64_t finished_before_ = 0;
  /// When how many were finished, in the last seconds.
  std::deque<std::pair<std::chrono::milliseconds, std::int64_t>> history_;
};

} // namespace site_runtime
