// Row 21: the power goes at every write and every sync while calls are taken
// and delivered.
//
// As in row 2, what is done to the files is recorded once, and told again. With
// it is recorded what the senders of calls, the target's function and whoever
// asked for a status had learned by then: all of that must be on the disk.

#include <atomic>
#include <mutex>
#include <thread>

#include "support/durable_image.hpp"
#include "support/plain_sqlite.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/call_store.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/service.hpp"
#include "waybill/store_reader.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::milliseconds;

constexpr std::uint32_t num_power_calls = 10;
constexpr std::uint32_t power_max_attempts = 3;

struct power_plan {
  std::uint32_t n;

  [[nodiscard]] std::uint32_t failures() const {
    if (n % 11 == 5)
      return power_max_attempts; // it is parked
    return n % 5 == 1 ? 1 : 0;
  }
  [[nodiscard]] tracking_status end() const {
    if (n % 11 == 5)
      return tracking_status::parked;
    return n % 7 == 3 ? tracking_status::failed : tracking_status::delivered;
  }
  [[nodiscard]] std::string payload() const {
    return "call " + std::to_string(n) + std::string(n * 997 % 6'000, '.');
  }
  [[nodiscard]] forward_call call() const {
    forward_call x;
    x.id = id_of(n + 1);
    x.kind = "kind " + std::to_string(n % 3);
    x.payload = payload();
    if (n % 4 == 0)
      x.order_key = "key " + std::to_string(n % 8);
    return x;
  }
  [[nodiscard]] delivery_result result(std::size_t attempt) const {
    using kind = delivery_result::kind;
    if (attempt <= failures())
      return {.what = kind::transient, .error = "busy"};
    return {.what = end() == tracking_status::failed ? kind::permanent
                                                     : kind::delivered};
  }
};

// After how many changes of the files something was known of a call.
struct call_facts {
  static constexpr auto never = SIZE_MAX;

  std::size_t taken = never;      // its sender was answered
  std::vector<std::size_t> begun; // the target's function was called
  std::size_t ended = never;      // somebody was told that it has finished

  [[nodiscard]] std::int64_t begun_by(std::size_t changes) const {
    return std::ranges::count_if(begun,
                                 [&](std::size_t x) { return x <= changes; });
  }
};

struct forward_recording {
  std::vector<disk_change> changes;
  std::vector<call_facts> calls = std::vector<call_facts>(num_power_calls);
};

class forward_recorder {
public:
  explicit forward_recorder(durability synchronous) {
    vfs_.real_syncs = false;
    vfs_.after = [this](const io_call& call) {
      if (!durable_image::is_change(call))
        return;
      const std::lock_guard guard{mutex_};
      result_.changes.push_back(durable_image::to_change(call));
    };
    options_.file = dir_ / "track.db";
    options_.vfs = vfs_.name();
    options_.synchronous = synchronous;
    options_.checkpoint_pages = 100;
    options_.on_notice = [](severity, const std::string&) {};
  }

  forward_recording run() {
    actor_config config;
    caf::actor_system system{config};
    for (std::uint32_t first = 0; first < num_power_calls;
         first += num_power_calls / 2) {
      auto running = start(system, options_);
      const auto actor = running.spawn_store_and_forward(
        forwarding(), [this](const delivery& x) { return deliver(x); });
      hand_over(system, actor, first);
      while (!all_have_ended(system, running.tracker(), first))
        std::this_thread::sleep_for(milliseconds{1});
      running.stop();
    }
    return std::move(result_);
  }

private:
  static forward_options forwarding() {
    forward_options x;
    x.target = "plant";
    x.max_concurrency = 3;
    x.max_heads = 8; // others wait in the store alone
    x.max_attempts = power_max_attempts;
    x.first_delay = milliseconds{1};
    x.max_delay = milliseconds{2};
    x.breaker_failure_ratio = 0;
    return x;
  }

  static std::uint32_t number_of(const tracked_operation_id& id) {
    return static_cast<std::uint32_t>(id.low() - id_of(1).low());
  }

  delivery_result deliver(const delivery& x) {
    const auto n = number_of(x.id);
    const std::lock_guard guard{mutex_};
    auto& begun = result_.calls.at(n).begun;
    begun.push_back(result_.changes.size());
    return power_plan{n}.result(begun.size());
  }

  // One by one, and several in a message.
  void hand_over(caf::actor_system& system,
                 const store_and_forward_actor& actor, std::uint32_t first) {
    const auto end = first + num_power_calls / 2;
    for (auto n = first; n < end;) {
      forward_bundle some;
      const auto last = std::min(end, n + 1 + n % 6);
      for (auto i = n; i < last; ++i)
        some.calls.push_back(power_plan{i}.call());
      if (some.calls.size() == 1)
        ask(system, actor, some.calls.front());
      else
        ask(system, actor, some);
      const std::lock_guard guard{mutex_};
      for (; n < last; ++n)
        result_.calls.at(n).taken = result_.changes.size();
    }
  }

  bool all_have_ended(caf::actor_system& system, const tracking_actor& tracker,
                      std::uint32_t first) {
    auto all = true;
    for (auto n = first; n < first + num_power_calls / 2; ++n) {
      if (result_.calls.at(n).ended != call_facts::never)
        continue;
      const auto row = ask(system, tracker, status_of(n + 1)).snapshot;
      if (!row || !is_terminal(row->status)) {
        all = false;
        continue;
      }
      const std::lock_guard guard{mutex_};
      result_.calls.at(n).ended = result_.changes.size();
    }
    return all;
  }

  const temp_dir dir_{};
  fault_vfs vfs_;
  waybill::options options_;
  std::mutex mutex_;
  forward_recording result_;
};

// What is wrong with the calls in a file; empty if nothing is.
class call_inspection {
public:
  call_inspection(const std::string& file, const std::vector<call_facts>& calls,
                  std::size_t changes)
    : db_{file, SQLITE_OPEN_READWRITE, ""}, calls_{calls}, changes_{changes} {
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    db_.exec("PRAGMA locking_mode = EXCLUSIVE");
    db_.exec("PRAGMA synchronous = OFF");
  }

  std::string run() {
    if (const auto found = first_column(db_, "PRAGMA integrity_check");
        found != std::vector<std::string>{"ok"})
      return found.at(0);
    const auto has_calls
      = db_.query_int("SELECT count(*) FROM sqlite_schema WHERE name = 'call'")
        != 0;
    if (has_calls)
      row_ = db_.prepare("SELECT status, call.state, call.attempt, "
                         "payload.bytes FROM operation "
                         "LEFT JOIN call USING (seq) "
                         "LEFT JOIN payload USING (seq) WHERE id = ?1");
    for (std::uint32_t n = 0; n < calls_.size(); ++n)
      if (auto fault = has_calls ? find_fault_of(n) : fault_without_row(n);
          !fault.empty())
        return "call " + std::to_string(n) + " " + fault;
    return {};
  }

private:
  [[nodiscard]] std::string fault_without_row(std::uint32_t n) const {
    const auto& x = calls_.at(n);
    return x.taken <= changes_ || x.begun_by(changes_) > 0 ? "was taken, and "
                                                             "is not there"
                                                           : "";
  }

  std::string find_fault_of(std::uint32_t n) {
    const auto id = encode_id(id_of(n + 1));
    row_.bind_borrowed(1, id);
    const sqlite::reset_guard guard{row_};
    if (!row_.step())
      return fault_without_row(n);
    const auto status = static_cast<tracking_status>(row_.integer(0));
    const auto has_call = !row_.is_null(1);
    if (has_call == row_.is_null(3))
      return "has lost its payload, or has one without a call";
    if (has_call && payload() != power_plan{n}.payload())
      return "has another payload";
    if (is_terminal(status))
      return find_fault_of_ended(n, status, has_call);
    const auto begun = calls_.at(n).begun_by(changes_);
    if (!has_call)
      return "is in flight, and not kept";
    if (calls_.at(n).ended <= changes_)
      return "had ended";
    if (row_.integer(2) < begun
        || (row_.integer(2) == begun && begun > 0 && row_.integer(1) != 1))
      return "is at attempt " + std::to_string(row_.integer(2)) + ", but "
             + std::to_string(begun) + " have begun";
    return {};
  }

  std::string find_fault_of_ended(std::uint32_t n, tracking_status status,
                                  bool has_call) {
    const auto end = power_plan{n}.end();
    if (status != end)
      return "ended as " + to_string(status);
    if (has_call != (end != tracking_status::delivered)
        || (has_call && row_.integer(1) != 2))
      return has_call ? "is kept as if it were not over" : "is not kept";
    return {};
  }

  [[nodiscard]] std::string payload() const {
    const auto bytes = row_.blob(3);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  sqlite::connection db_;
  const std::vector<call_facts>& calls_;
  const std::size_t changes_;
  sqlite::statement row_;
};

class forward_replay {
public:
  forward_replay(const forward_recording& what, std::mt19937_64 random)
    : what_{what}, random_{random} {
    lazy_.real_syncs = false;
  }

  struct found {
    std::int64_t states = 0;
    std::int64_t faults = 0;
    std::int64_t interrupted = 0;
    std::string first;
  };

  // @param store_every after so many states the store looks itself; 0: never.
  found run(std::int64_t store_every,
            const std::function<void(std::int64_t)>& progress) {
    durable_image image;
    for (std::size_t i = 0; i < what_.changes.size(); ++i) {
      image.follow(what_.changes[i]);
      const auto variants = image.has_unsynced() ? num_power_losses : 1;
      for (int k = 0; k < variants; ++k) {
        const auto how = static_cast<power_loss>(k);
        auto dice = random_; // to write the same once more
        image.write_to(file_, how, random_);
        look(i, k);
        ++found_.states;
        if (store_every > 0 && found_.states % store_every == 0) {
          image.write_to(file_, how, dice); // SQLite has written, too
          open_with_store(i, k);
        }
      }
      progress(variants);
    }
    return found_;
  }

private:
  void note(std::size_t at, int variant, const std::string& fault) {
    if (fault.empty())
      return;
    ++found_.faults;
    if (found_.first.empty())
      found_.first = "change " + std::to_string(at) + ", variant "
                     + std::to_string(variant) + ": " + fault;
  }

  void look(std::size_t at, int variant) {
    try {
      note(at, variant, call_inspection{file_, what_.calls, at + 1}.run());
    } catch (const store_error& e) {
      note(at, variant, e.what());
    }
  }

  // What begins the work for the target again finds what had begun.
  void open_with_store(std::size_t at, int variant) {
    try {
      store_options x;
      x.file = file_;
      x.vfs = lazy_.name();
      operation_tracking_store store{x};
      found_.interrupted += std::ssize(
        store.calls()
          .open_target({.target = "plant", .bounds = {}, .under_way = {}}, t0)
          .interrupted);
      store.close();
      const auto report = store_reader{file_}.check();
      note(at, variant,
           report && report->faults.empty() ? "" : "fails the store's check");
    } catch (const store_error& e) {
      note(at, variant, std::string{"the store does not open it: "} + e.what());
    }
  }

  const forward_recording& what_;
  std::mt19937_64 random_;
  const temp_dir dir_{};
  const std::string file_ = dir_ / "track.db";
  fault_vfs lazy_;
  found found_;
};

} // namespace

void forward_power_loss(report& r) {
  const auto states = r.pick<std::int64_t>(1'500, 60'000);
  std::int64_t seen = 0;
  std::int64_t interrupted = 0;
  std::uint64_t part = 0;
  while (seen < states) {
    const auto made = forward_recorder{durability::full}.run();
    const auto found = forward_replay{made, r.random(++part)}.run(
      20, [&](std::int64_t n) { r.tried(n, states); });
    seen += found.states;
    interrupted += found.interrupted;
    if (found.faults > 0)
      r.violation(std::to_string(found.faults) + " of "
                  + std::to_string(found.states) + ": " + found.first);
  }
  r.require(interrupted > 0, "no power loss has interrupted an attempt");
  r.figure(std::to_string(interrupted) + " attempts found interrupted");
  // A test that cannot fail shows nothing: with less durability it must.
  const auto made = forward_recorder{durability::normal}.run();
  const auto found
    = forward_replay{made, r.random(++part)}.run(0, [](std::int64_t) {});
  r.require(found.faults > 0, "the control with NORMAL did not fail");
  r.figure("NORMAL: " + std::to_string(found.faults) + " of "
           + std::to_string(found.states));
}

} // namespace waybill::torture
