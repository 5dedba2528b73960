// Row 2: the power goes at every write and every sync.
//
// What the tracking actor's store does to its files is recorded once, and told
// again: after each step the files are rebuilt as the disk may hold them, and
// opened with the plain VFS. They must show what was asked for up to some
// moment, none before the last answer, and at that only what COMMIT once ended.

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "support/durable_image.hpp"
#include "support/fake_clock.hpp"
#include "support/model.hpp"
#include "support/pipeline.hpp"
#include "support/plain_sqlite.hpp"
#include "support/temp_dir.hpp"
#include "torture/rows.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;

// -- what a store holds, as one number ----------------------------------------

using digest = std::uint64_t;

template <class T>
void mix(digest& sum, const T& x) {
  sum = (sum ^ std::hash<T>{}(x)) * 0x9E3779B97F4A7C15U;
  sum ^= sum >> 29U;
}

template <class T>
void mix(digest& sum, const std::optional<T>& x) {
  mix(sum, x.has_value());
  if (x)
    mix(sum, *x);
}

digest digest_of(const tracking_status_snapshot& x) {
  digest sum = 1;
  mix(sum, x.id);
  mix(sum, x.kind);
  mix(sum, x.target_summary);
  mix(sum, static_cast<int>(x.status));
  mix(sum, x.retry_count);
  mix(sum, x.last_error);
  mix(sum, x.http_status);
  mix(sum, x.created_at.us());
  mix(sum, x.updated_at.us());
  mix(sum, x.source_instance_id);
  mix(sum, x.source_script);
  mix(sum, x.source_node);
  return sum;
}

std::optional<std::string> text_at(const sqlite::statement& row, int column) {
  if (row.is_null(column))
    return std::nullopt;
  return std::string{row.text(column)};
}

std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t number = 0;
  for (const auto byte : bytes)
    number = number << 8U | byte;
  return number;
}

// Reads `file` without waybill. (Digests of rows are added up: their order does
// not matter.)
// @throws store_error if it is damaged.
digest digest_in(const std::string& file) {
  sqlite::connection db{file, SQLITE_OPEN_READWRITE, ""};
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  db.exec("PRAGMA synchronous = OFF");
  if (const auto found = first_column(db, "PRAGMA integrity_check");
      found != std::vector<std::string>{"ok"})
    throw store_error{errc::store_corrupt, found.at(0)};
  if (db.query_int("SELECT count(*) FROM sqlite_schema WHERE name = 'counter'")
      == 0)
    return 0; // the power went before there was a store
  if (db.query_int("SELECT count(*) FROM (SELECT kind, status, count(*) FROM "
                   "operation GROUP BY 1, 2 EXCEPT SELECT kind, status, "
                   "operations FROM counter)")
        != 0
      || db.query_int("SELECT (SELECT count(*) FROM operation) - (SELECT "
                      "coalesce(sum(operations), 0) FROM counter)")
           != 0)
    throw store_error{errc::store_corrupt, "the counters differ from the rows"};
  std::map<std::int64_t, std::string> names;
  for (auto stmt = db.prepare("SELECT id, text FROM name"); stmt.step();)
    names[stmt.integer(0)] = std::string{stmt.text(1)};
  auto stmt = db.prepare(
    "SELECT id, status, retry_count, http_status, created_at, updated_at, "
    "kind, target, source_instance, source_script, source_node, last_error "
    "FROM operation");
  const auto name_at = [&](int at) -> std::optional<std::string> {
    if (!stmt.is_integer(at))
      return text_at(stmt, at);
    const auto name = names.find(stmt.integer(at));
    if (name == names.end())
      throw store_error{errc::store_corrupt, "a row holds no name"};
    return name->second;
  };
  digest sum = 0;
  while (stmt.step()) {
    tracking_status_snapshot x;
    const auto id = stmt.blob(0);
    x.id = {big_endian(id.first(8)), big_endian(id.subspan(8))};
    x.status = static_cast<tracking_status>(stmt.integer(1));
    x.retry_count = static_cast<std::int32_t>(stmt.integer(2));
    if (!stmt.is_null(3))
      x.http_status = static_cast<std::int32_t>(stmt.integer(3));
    x.created_at = timestamp{stmt.integer(4)};
    x.updated_at = timestamp{stmt.integer(5)};
    x.kind = name_at(6).value_or("");
    x.target_summary = name_at(7);
    x.source_instance_id = name_at(8);
    x.source_script = name_at(9);
    x.source_node = name_at(10);
    x.last_error = text_at(stmt, 11);
    sum += digest_of(x);
  }
  return sum;
}

// -- the recording ------------------------------------------------------------

// A change to a file, or else that so many requests are answered by now.
struct event {
  std::optional<disk_change> change;
  std::size_t answered;
};

struct recording {
  std::vector<event> events;
  /// What the store must hold after so many requests.
  std::vector<digest> after{0};
  std::vector<std::string> faults;
  /// Syncs of the log beside work on the next batch.
  std::int64_t overlapped = 0;
};

// Drives a tracker on a new file with one client, whose requests are applied in
// the order in which it sends them (promise 7), and writes all down.
class recorder {
public:
  // @param spills whether transactions outgrow SQLite's cache, which then
  //        writes to the log before the COMMIT.
  recorder(durability synchronous, std::uint64_t windows, bool spills,
           std::mt19937_64 random)
    : windows_{windows},
      longest_error_{spills ? 4'000U : 900U},
      random_{random} {
    if (spills)
      options_.cache_bytes = 65'536;
    vfs_.real_syncs = false;
    vfs_.after = [this](const io_call& call) {
      if (durable_image::is_change(call))
        note(durable_image::to_change(call));
    };
    vfs_.during_sync = [this](io_file kind) {
      const std::lock_guard guard{mutex_};
      if (kind == io_file::wal && writer_ != std::this_thread::get_id())
        ++result_.overlapped;
    };
    options_.file = dir_ / "track.db";
    options_.vfs = vfs_.name();
    options_.synchronous = synchronous;
    options_.checkpoint_pages = 100;
    options_.clock = clock_.source();
    options_.on_notice = [](severity, const std::string&) {};
  }

  recording run() {
    actor_config config;
    caf::actor_system system{config};
    for (std::uint64_t window = 0; window < windows_;) {
      auto running = start(system, options_);
      pipeline to{system, running.tracker(), way_of(random_())};
      // Two times of three it is stopped and started again.
      const auto end = window + windows_ / 3 + 1;
      for (; window < std::min(end, windows_); ++window)
        ask(to, window);
      running.stop();
    }
    return std::move(result_);
  }

private:
  void note(disk_change change) {
    const std::lock_guard guard{mutex_};
    if (change.op == io_op::write)
      writer_ = std::this_thread::get_id();
    result_.events.push_back({std::move(change), answered_});
  }

  void note_answers(std::size_t all) {
    const std::lock_guard guard{mutex_};
    answered_ = all;
    auto& events = result_.events;
    if (!events.empty() && !events.back().change)
      events.back().answered = all;
    else
      events.push_back({std::nullopt, all});
  }

  std::uint64_t any(std::uint64_t n) { return random_() % n; }

  any_request any_request_about(std::uint64_t n) {
    const auto dice = any(10);
    if (dice < 5) {
      auto x = attempt(n, static_cast<std::int32_t>(any(9)));
      x.last_error = std::string(any(longest_error_), 'x');
      return x;
    }
    if (dice < 9)
      return terminal(n, terminal_statuses[any(4)]);
    return enqueue(n);
  }

  void ask(pipeline& to, std::uint64_t window) {
    clock_.advance(std::chrono::seconds{1});
    const auto now = clock_.source().wall();
    std::vector<any_reply> expected;
    const auto send = [&](const any_request& x) {
      expected.push_back(expect(x, now));
      to.send(x);
    };
    // An old row goes alone: its steps are behind what waits.
    if (window % 8 == 7)
      send(purge_before(now - std::chrono::seconds{6}));
    else
      for (auto n = 1 + any(20); n > 0; --n)
        if (any(3) == 0)
          send(enqueue(++last_id_, "kind " + std::to_string(any(5))));
        else
          send(any_request_about(last_id_ < 20 ? 1 + any(20)
                                               : last_id_ - any(20)));
    // They are applied in this order: with one, those before it are answered.
    auto answered = result_.after.size() - 1 - expected.size();
    for (const auto& x : expected) {
      if (!same(to.receive(), x))
        result_.faults.push_back("a wrong answer while recording");
      note_answers(++answered);
    }
  }

  // Only replies are expected, never a failure.
  static bool same(const any_reply& a, const any_reply& b) {
    return std::visit(
      [&]<class Reply>(const Reply& x) {
        if constexpr (std::is_same_v<Reply, failure>)
          return false;
        else
          return std::holds_alternative<Reply>(b) && x == std::get<Reply>(b);
      },
      a);
  }

  any_reply expect(const any_request& x, timestamp now) {
    auto reply = std::visit(
      [&](const auto& request) {
        return any_reply{model_.apply(request, now)};
      },
      x);
    digest sum = 0;
    for (const auto& [id, row] : model_.rows)
      sum += digest_of(row);
    result_.after.push_back(sum);
    return reply;
  }

  const std::uint64_t windows_;
  const std::uint64_t longest_error_;
  std::mt19937_64 random_;
  const temp_dir dir_;
  fault_vfs vfs_;
  fake_clock clock_;
  waybill::options options_;
  model model_;
  std::uint64_t last_id_ = 0;
  std::mutex mutex_;
  std::size_t answered_ = 0;
  std::thread::id writer_; // of the log
  recording result_;
};

// -- the replay ---------------------------------------------------------------

struct tally {
  std::int64_t states = 0;
  std::int64_t lost = 0;
  std::int64_t damaged = 0;
  std::int64_t recoveries = 0;
  std::string first;

  [[nodiscard]] std::string text() const {
    return std::to_string(lost) + " lost and " + std::to_string(damaged)
           + " damaged of " + std::to_string(states);
  }
};

class replay {
public:
  replay(const recording& what, std::mt19937_64 random)
    : what_{what}, random_{random} {
    lazy_.real_syncs = false;
    for (std::size_t n = 0; n < what.after.size(); ++n)
      places_[what.after[n]].push_back(n);
  }

  // @param progress called now and then with the number of new states.
  tally run(std::int64_t store_every, std::int64_t recover_every,
            const std::function<void(std::int64_t)>& progress) {
    std::int64_t reported = 0;
    for (std::size_t i = 0; i < what_.events.size(); ++i) {
      const auto& [change, answered] = what_.events[i];
      if (change)
        image_.follow(*change);
      // Without unsynced writes all variants are the same.
      const auto variants = image_.has_unsynced() ? num_power_losses : 1;
      for (int k = 0; k < variants; ++k) {
        const auto how = static_cast<power_loss>(k);
        const auto dice = random_; // to write the same once more
        image_.write_to(file_, how, random_);
        auto is_fine = look(i, how, answered);
        ++looks_; // not the states, to which a recovery adds as many as it
                  // likes
        if (is_fine && store_every > 0 && looks_ % store_every == 0) {
          write_again(how, dice);
          is_fine = open_with_store(i, how);
        }
        if (is_fine && recover_every > 0 && looks_ % recover_every == 0) {
          write_again(how, dice);
          cut_while_recovering(i, how);
        }
      }
      progress(result_.states - std::exchange(reported, result_.states));
    }
    return result_;
  }

private:
  void write_again(power_loss how, std::mt19937_64 dice) const {
    image_.write_to(file_, how, dice);
  }

  void note(std::int64_t& counter, std::size_t at, power_loss how,
            const std::string& what) {
    ++counter;
    if (result_.first.empty())
      result_.first = "event " + std::to_string(at) + ", variant "
                      + std::to_string(static_cast<int>(how)) + ": " + what;
  }

  bool look(std::size_t at, power_loss how, std::size_t answered) {
    ++result_.states;
    try {
      shown_ = digest_in(file_);
    } catch (const store_error& e) {
      note(result_.damaged, at, how, e.what());
      return false;
    }
    // Nothing has been taken: this is what a COMMIT has left.
    if (how == power_loss::keep_all)
      committed_.insert(shown_);
    const auto place = places_.find(shown_);
    if (place == places_.end() || !committed_.contains(shown_)) {
      note(result_.damaged, at, how, "shows what no COMMIT has left");
      return false;
    }
    if (place->second.back() < answered) {
      note(result_.lost, at, how,
           std::to_string(answered) + " requests were answered, the first "
             + std::to_string(place->second.back()) + " are there");
      return false;
    }
    return true;
  }

  // The store itself must take the file for what it is, too.
  bool open_with_store(std::size_t at, power_loss how) {
    try {
      operation_tracking_store{full_options(lazy_.name())}.close();
      if (digest_in(file_) == shown_)
        return true;
      note(result_.damaged, at, how, "changed when the store opened it");
    } catch (const store_error& e) {
      note(result_.damaged, at, how,
           std::string{"the store does not open it: "} + e.what());
    }
    return false;
  }

  // The power goes again, while the store opens what the first time has left.
  void cut_while_recovering(std::size_t at, power_loss how) {
    ++result_.recoveries;
    const auto before = shown_;
    fault_vfs vfs;
    vfs.real_syncs = false;
    durable_image again{vfs, file_};
    const temp_dir dir;
    const auto copy = dir / "track.db";
    const auto follow = vfs.after;
    vfs.after = [&](const io_call& call) {
      follow(call);
      if (!durable_image::is_change(call))
        return;
      for (int k = 0; k < num_power_losses; ++k) {
        ++result_.states;
        const auto second = static_cast<power_loss>(k);
        again.write_to(copy, second, random_);
        try {
          // The store's own eyes are sharper, but they also write.
          if (result_.states % 8 == 0) {
            auto x = full_options(lazy_.name());
            x.file = copy;
            operation_tracking_store{x}.close();
          }
          if (digest_in(copy) != before)
            note(result_.lost, at, second, "lost while recovering");
        } catch (const store_error& e) {
          note(result_.damaged, at, second,
               std::string{"while recovering: "} + e.what());
        }
      }
    };
    try {
      operation_tracking_store{full_options(vfs.name())}.close();
    } catch (const store_error& e) {
      note(result_.damaged, at, how,
           std::string{"the store does not recover it: "} + e.what());
    }
  }

  // As users have it: with less, some damage is not looked for.
  [[nodiscard]] store_options full_options(const std::string& vfs) const {
    store_options x;
    x.file = file_;
    x.synchronous = durability::full;
    x.vfs = vfs;
    return x;
  }

  const recording& what_;
  std::mt19937_64 random_;
  const temp_dir dir_;
  const std::string file_ = dir_ / "track.db";
  fault_vfs lazy_;
  std::map<digest, std::vector<std::size_t>> places_;
  std::set<digest> committed_{0};
  durable_image image_;
  digest shown_ = 0;
  std::int64_t looks_ = 0;
  tally result_;
};

} // namespace

void power_loss_row(report& r) {
  const auto states = r.pick<std::int64_t>(12'000, 200'000);
  const auto windows = r.pick<std::uint64_t>(12, 20);
  tally all;
  std::int64_t events = 0;
  std::int64_t overlapped = 0;
  std::uint64_t part = 0;
  while (all.states < states) {
    const auto spills = part % 4 == 2;
    const auto made
      = recorder{durability::full, windows, spills, r.random(++part)}.run();
    for (const auto& fault : made.faults)
      r.violation(fault);
    events += static_cast<std::int64_t>(made.events.size());
    overlapped += made.overlapped;
    const auto found = replay{made, r.random(++part)}.run(
      20, 150, [&](std::int64_t n) { r.tried(n, states); });
    all.states += found.states;
    all.recoveries += found.recoveries;
    if (found.lost + found.damaged > 0)
      r.violation("FULL, recording " + std::to_string(part / 2) + ": "
                  + found.text() + "; " + found.first);
  }
  r.figure(std::to_string(events) + " recorded events");
  r.figure(std::to_string(overlapped) + " syncs beside work");
  r.figure(std::to_string(all.recoveries)
           + " recoveries cut at every step as well");
  // A test that cannot fail shows nothing: with less durability it must.
  for (const auto& [synchronous, name] :
       {std::pair{durability::normal, "NORMAL"},
        std::pair{durability::off, "OFF"}}) {
    const auto made = recorder{synchronous, 20, false, r.random(++part)}.run();
    const auto found = replay{made, r.random(++part)}.run(0, 0,
                                                          [](std::int64_t) {});
    r.require(found.lost + found.damaged > 0,
              std::string{"the control with "} + name + " did not fail");
    r.figure(std::string{name} + ": " + found.text());
  }
}

} // namespace waybill::torture
