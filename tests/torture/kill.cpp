// Row 1: a process with 16 clients is killed at random moments; a fresh one
// finds everything that was answered, and nothing in halves.
//
// The clients note what they send and what is answered in a file that they and
// the parent map. It outlives them, and no part of it goes through SQLite.

#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <iostream>
#include <map>
#include <thread>

#include "support/pipeline.hpp"
#include "support/plain_sqlite.hpp"
#include "support/program.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "torture/mapped.hpp"
#include "torture/rows.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint32_t num_clients = 16;
constexpr std::uint32_t ids_per_client = 8'192;
constexpr std::uint32_t num_ids = num_clients * ids_per_client;
constexpr int cycles_per_file = 15;
constexpr int most_violations = 90; // an inspector's exit code

// -- what is to happen to an operation ----------------------------------------

// Step 0 of an operation is its enqueue, the last its terminal state, those
// between are attempts. Each says in the row that it was the one.
struct plan {
  std::uint32_t n;

  [[nodiscard]] std::uint32_t attempts() const { return n / 16 % 4; }
  [[nodiscard]] std::uint32_t steps() const { return attempts() + 2; }
  [[nodiscard]] tracking_status end() const {
    return static_cast<tracking_status>(2 + n % 4);
  }
  // Purges ask for discarded operations only.
  [[nodiscard]] bool may_be_purged() const {
    return end() == tracking_status::discarded;
  }
  [[nodiscard]] std::string error(std::uint32_t step) const {
    return "operation " + std::to_string(n) + ", step " + std::to_string(step);
  }
  [[nodiscard]] std::int32_t http_status(std::uint32_t step) const {
    return static_cast<std::int32_t>(500 + step);
  }

  [[nodiscard]] any_request request(std::uint32_t step) const {
    if (step == 0)
      return enqueue(n + 1, "kind " + std::to_string(n % 7));
    if (step <= attempts())
      return record_attempt{id_of(n + 1),
                            tracking_status::retrying,
                            static_cast<std::int32_t>(step),
                            error(step),
                            http_status(step),
                            std::nullopt};
    return record_terminal{id_of(n + 1), end(), error(step), http_status(step),
                           std::nullopt};
  }

  // How many steps `row` shows; none if it is not what these leave.
  [[nodiscard]] std::optional<std::uint32_t>
  steps_in(const tracking_status_snapshot& row) const {
    const auto shown = is_terminal(row.status)
                         ? steps()
                         : static_cast<std::uint32_t>(row.retry_count) + 1;
    auto expected = fresh(n + 1, row.created_at);
    expected.kind = "kind " + std::to_string(n % 7);
    expected.updated_at = row.updated_at;
    if (shown > 1) {
      expected.last_error = error(shown - 1);
      expected.http_status = http_status(shown - 1);
      expected.retry_count
        = static_cast<std::int32_t>(std::min(shown - 1, attempts()));
      expected.status = tracking_status::retrying;
    }
    if (shown == steps()) {
      expected.status = end();
      expected.terminal_at = row.updated_at;
    }
    if (row != expected || row.updated_at < row.created_at)
      return std::nullopt;
    return shown;
  }
};

// -- the oracle ---------------------------------------------------------------

// Made of zeros by the parent.
struct oracle {
  struct operation {
    std::atomic<std::uint8_t> sent;
    std::atomic<std::uint8_t> answered;
    // The cycle that sent something last.
    std::atomic<std::uint16_t> cycle;
    // When its end was answered, counted by `events`; 0 for not yet.
    std::atomic<std::uint32_t> ended;
  };

  std::atomic<std::uint32_t> events;
  // When the latest purge was sent that was answered.
  std::atomic<std::uint32_t> purged;
  std::atomic<std::uint32_t> purges_sent;
  std::atomic<std::uint32_t> is_open;
  std::atomic<std::uint64_t> answers;
  std::atomic<std::uint32_t> wrong_answers;
  std::array<std::atomic<std::uint32_t>, num_clients> ids_begun;
  std::array<char, 256> first_wrong_answer;
  std::array<operation, num_ids> operations;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

using mapped_oracle = mapped<oracle>;

// -- the process that is killed -----------------------------------------------

struct setting {
  std::string file;
  std::string oracle_file;
  std::uint64_t seed = 0;
  std::uint32_t cycle = 0;
  std::int64_t checkpoint_pages = 0;
  std::int64_t max_batch = 0;
  bool purges = false;
  // The control: what was sent counts as answered.
  bool trusts_too_early = false;

  [[nodiscard]] std::vector<std::string> words(const char* child) const {
    return {"--child",
            child,
            file,
            oracle_file,
            std::to_string(seed),
            std::to_string(cycle),
            std::to_string(checkpoint_pages),
            std::to_string(max_batch),
            purges ? "1" : "0",
            trusts_too_early ? "1" : "0"};
  }

  static setting of(const std::vector<std::string>& words) {
    return {.file = words.at(0),
            .oracle_file = words.at(1),
            .seed = std::stoull(words.at(2)),
            .cycle = static_cast<std::uint32_t>(std::stoul(words.at(3))),
            .checkpoint_pages = std::stoll(words.at(4)),
            .max_batch = std::stoll(words.at(5)),
            .purges = words.at(6) == "1",
            .trusts_too_early = words.at(7) == "1"};
  }

  [[nodiscard]] waybill::options options() const {
    waybill::options x;
    x.file = file;
    x.checkpoint_pages = checkpoint_pages;
    x.max_batch = max_batch;
    x.purge_chunk_rows = 16;
    x.on_notice = [](severity, const std::string&) {};
    return x;
  }
};

class client {
public:
  client(caf::actor_system& system, const tracking_actor& tracker,
         mapped_oracle& seen, const setting& s, std::uint32_t number)
    : tracker_{system, tracker, way_of(number)},
      seen_{seen},
      cycle_{static_cast<std::uint16_t>(s.cycle)},
      number_{number},
      trusts_too_early_{s.trusts_too_early},
      random_{s.seed + number},
      window_{2 + random_() % 40} {}

  // Sends as fast as it can, until the process is killed or the ids run out.
  void run() {
    // First what an earlier process has left unfinished.
    const auto begun = seen_->ids_begun[number_].load();
    for (std::uint32_t k = 0; k < begun; ++k)
      if (const auto n = k * num_clients + number_;
          seen_->operations[n].answered < plan{n}.steps())
        unfinished_.push_back({n, seen_->operations[n].answered});
    for (auto next = begun; next < ids_per_client;) {
      while (unfinished_.size() < 8 && next < ids_per_client) {
        unfinished_.push_back({next++ * num_clients + number_, 0});
        seen_->ids_begun[number_] = next;
      }
      const auto pick = random_() % unfinished_.size();
      auto& [n, step] = unfinished_[pick];
      send(n, step);
      if (random_() % 8 == 0)
        send(n, step); // once more: harmless
      // Not after the end: a purge may have made room for the id by then.
      if (seen_->operations[n].sent < plan{n}.steps() && random_() % 16 == 0)
        send(n, 0);
      if (++step == plan{n}.steps())
        unfinished_.erase(unfinished_.begin()
                          + static_cast<std::ptrdiff_t>(pick));
    }
    while (!sent_.empty())
      receive();
  }

private:
  struct operation {
    std::uint32_t n;
    std::uint32_t step;
  };

  struct request {
    std::uint32_t n;
    std::uint32_t step;
    // Nothing had been sent, or something been answered, for that id before.
    bool is_first;
    bool is_known;
  };

  void send(std::uint32_t n, std::uint32_t step) {
    while (sent_.size() >= window_)
      receive();
    auto& x = seen_->operations[n];
    sent_.push_back({n, step, x.sent == 0, x.answered > 0});
    x.cycle = cycle_;
    if (x.sent <= step)
      x.sent = static_cast<std::uint8_t>(step + 1);
    tracker_.send(plan{n}.request(step));
    if (trusts_too_early_)
      note_answer(n, step);
  }

  void note_answer(std::uint32_t n, std::uint32_t step) {
    auto& x = seen_->operations[n];
    if (x.answered <= step)
      x.answered = static_cast<std::uint8_t>(step + 1);
    if (x.answered == plan{n}.steps() && x.ended == 0)
      x.ended = ++seen_->events;
  }

  void receive() {
    const auto asked = sent_.front();
    const auto [n, step] = std::pair{asked.n, asked.step};
    sent_.pop_front();
    const auto reply = tracker_.receive();
    if (const auto what = fault_of(reply, asked); !what.empty()) {
      if (seen_->wrong_answers++ == 0)
        what.copy(seen_->first_wrong_answer.data(),
                  seen_->first_wrong_answer.size() - 1);
      return;
    }
    ++seen_->answers;
    note_answer(n, step);
  }

  std::string fault_of(const any_reply& reply, const request& asked) const {
    const auto n = asked.n;
    const auto& x = seen_->operations[n];
    const auto ends = x.sent == plan{n}.steps();
    if (const auto* const e = std::get_if<failure>(&reply))
      return to_string(e->code) + ": " + e->text;
    if (const auto* const inserted = std::get_if<enqueue_reply>(&reply)) {
      const auto is_new = inserted->outcome == enqueue_outcome::inserted;
      if (is_new ? asked.is_known : asked.is_first)
        return plan{n}.error(0) + (is_new ? " was lost" : " was not new");
    }
    if (const auto* const update = std::get_if<update_reply>(&reply)) {
      if (update->outcome == update_outcome::not_found
          && !(ends && plan{n}.may_be_purged() && seen_->purges_sent > 0))
        return plan{n}.error(0) + " was not found";
      if (update->outcome == update_outcome::already_terminal && !ends)
        return plan{n}.error(0) + " was terminal too early";
    }
    return {};
  }

  pipeline tracker_;
  mapped_oracle& seen_;
  const std::uint16_t cycle_;
  const std::uint32_t number_;
  const bool trusts_too_early_;
  std::mt19937_64 random_;
  const std::size_t window_;
  std::vector<operation> unfinished_;
  std::deque<request> sent_;
};

// Purges discarded operations without end, whatever their age.
void purge(caf::actor_system& system, const tracking_actor& tracker,
           mapped_oracle& seen) {
  pipeline to{system, tracker};
  for (;;) {
    const auto sent = ++seen->events;
    ++seen->purges_sent;
    to.send(
      purge_terminal{max_timestamp, tracking_status::discarded, std::nullopt});
    if (std::holds_alternative<purge_reply>(to.receive()))
      seen->purged = sent;
    std::this_thread::sleep_for(milliseconds{5});
  }
}

// -- the process that looks ---------------------------------------------------

class inspection {
public:
  inspection(const setting& s, bool all)
    : setting_{s}, all_{all}, seen_{s.oracle_file} {}

  // @returns the number of violations; says on standard error what they are.
  int run() {
    actor_config config;
    caf::actor_system system{config};
    auto running = start(system, setting_.options());
    pipeline to{system, running.tracker()};
    std::deque<std::uint32_t> asked;
    const auto look = [&] {
      const auto n = asked.front();
      asked.pop_front();
      const auto reply = to.receive();
      if (const auto* const x = std::get_if<status_reply>(&reply))
        check(n, x->snapshot);
      else
        violated(n, "cannot be asked for");
    };
    for (std::uint32_t client = 0; client < num_clients; ++client)
      for (std::uint32_t k = 0; k < seen_->ids_begun[client]; ++k) {
        const auto n = k * num_clients + client;
        if (!all_ && seen_->operations[n].cycle != setting_.cycle)
          continue;
        to.send(status_of(n + 1));
        asked.push_back(n);
        if (asked.size() >= 256)
          look();
      }
    while (!asked.empty())
      look();
    check_counters(to);
    // Half of the time the next process gets a log, too.
    if (setting_.seed % 2 == 0)
      running.stop();
    check_file();
    std::cerr << std::flush;
    ::_exit(std::min(violations_, most_violations));
  }

private:
  void violated(std::uint32_t n, const std::string& what) {
    if (++violations_ > 5)
      return;
    const auto& x = seen_->operations[n];
    std::cerr << "operation " << n << " " << what << "; of " << plan{n}.steps()
              << " steps, " << unsigned{x.sent} << " were sent, "
              << unsigned{x.answered} << " answered\n";
  }

  void check(std::uint32_t n,
             const std::optional<tracking_status_snapshot>& row) {
    const auto& x = seen_->operations[n];
    if (!row) {
      const auto purged = plan{n}.may_be_purged() && x.sent == plan{n}.steps()
                          && seen_->purges_sent > 0;
      if (x.answered > 0 && !purged)
        violated(n, "is lost");
      return;
    }
    const auto shown = plan{n}.steps_in(*row);
    if (!shown)
      violated(n, "is a mixture: " + to_string(*row));
    else if (*shown < x.answered)
      violated(n, "has lost a step: " + to_string(*row));
    else if (*shown > x.sent)
      violated(n, "is ahead: " + to_string(*row));
    else if (plan{n}.may_be_purged() && x.ended != 0 && x.ended < seen_->purged)
      violated(n, "is back after a purge: " + to_string(*row));
  }

  void check_counters(pipeline& to) {
    to.send(get_counts{});
    const auto reply = to.receive();
    std::map<std::string, std::int64_t> counted;
    if (const auto* const x = std::get_if<counts_reply>(&reply))
      for (const auto& each : x->counts)
        counted[each.kind + " " + std::to_string(static_cast<int>(each.status))]
          = each.operations;
    std::map<std::string, std::int64_t> rows;
    auto db = open_reader(setting_.file);
    auto stmt = db.prepare(
      "SELECT name.text || ' ' || status, count(*) FROM operation "
      "JOIN name ON name.id = operation.kind GROUP BY 1");
    while (stmt.step())
      rows[std::string{stmt.text(0)}] = stmt.integer(1);
    if (counted != rows) {
      ++violations_;
      std::cerr << "the counters differ from the rows\n";
    }
  }

  void check_file() {
    if (const auto found = integrity_of(setting_.file); found != "ok") {
      ++violations_;
      std::cerr << "integrity: " << found << '\n';
    }
  }

  const setting setting_;
  const bool all_;
  mapped_oracle seen_;
  int violations_ = 0;
};

} // namespace

int kill_writer(const std::vector<std::string>& words) {
  const auto s = setting::of(words);
  mapped_oracle seen{s.oracle_file};
  actor_config config;
  caf::actor_system system{config};
  auto running = start(system, s.options());
  seen->is_open = s.cycle;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < num_clients; ++i)
    threads.emplace_back([&, i] {
      client{system, running.tracker(), seen, s, i}.run();
    });
  if (s.purges)
    threads.emplace_back([&] { purge(system, running.tracker(), seen); });
  for (auto& each : threads)
    each.join();
  child_process::linger();
}

int kill_inspector(const std::vector<std::string>& words) {
  return inspection{setting::of(words), words.at(8) == "all"}.run();
}

namespace {

// Returns once the writer has opened the file, or has ended.
void await_open(program& writer, const mapped_oracle& seen,
                std::uint32_t cycle) {
  while (seen->is_open != cycle && writer.is_running())
    std::this_thread::sleep_for(milliseconds{1});
}

// Whether kills lose something that counts as answered too early. If not, that
// they lose nothing else says little.
bool control_fails(std::uint64_t seed) {
  const temp_dir dir;
  setting s{.file = dir / "track.db",
            .oracle_file = dir / "oracle",
            .seed = seed,
            .checkpoint_pages = 4'000,
            .max_batch = 1'024,
            .trusts_too_early = true};
  const mapped_oracle seen{s.oracle_file};
  while (++s.cycle <= 20) {
    program writer{own_path(), {.arguments = s.words("kill-writer")}};
    await_open(writer, seen, s.cycle);
    std::this_thread::sleep_for(milliseconds{30});
    writer.signal(SIGKILL);
    writer.wait();
    auto words = s.words("kill-inspector");
    words.emplace_back("all");
    // More than that is a crash, not what it has found.
    const auto found = program{own_path(), {.arguments = words}}.wait();
    if (found > 0 && found <= most_violations)
      return true;
  }
  return false;
}

} // namespace

void kill(report& r) {
  const auto cycles = r.pick(300, 3'000);
  std::uint64_t answers = 0;
  std::uint64_t operations = 0;
  int while_opening = 0;
  std::int64_t files = 0;
  std::optional<temp_dir> dir;
  std::optional<mapped_oracle> seen;
  for (int cycle = 1; cycle <= cycles; ++cycle) {
    auto random = r.random(static_cast<std::uint64_t>(cycle));
    const auto in_file
      = static_cast<std::uint32_t>((cycle - 1) % cycles_per_file) + 1;
    if (in_file == 1) {
      seen.reset();
      dir.emplace();
      seen.emplace(*dir / "oracle");
      ++files;
    }
    const setting s{.file = *dir / "track.db",
                    .oracle_file = *dir / "oracle",
                    .seed = random(),
                    .cycle = in_file,
                    .checkpoint_pages = random() % 2 == 0 ? 100 : 4'000,
                    .max_batch = random() % 2 == 0 ? 8 : 1'024,
                    .purges = random() % 3 == 0};
    const auto answers_before = seen->operator->()->answers.load();
    {
      program writer{own_path(), {.arguments = s.words("kill-writer")}};
      // One in four dies soon after its start, most of these while it opens
      // the file and copies the log that the one before has left.
      const auto early = random() % 4 == 0;
      const auto delay = microseconds{random() % (early ? 30'000 : 80'000)};
      if (!early)
        await_open(writer, *seen, in_file);
      std::this_thread::sleep_for(delay);
      writer.signal(SIGKILL);
      if (const auto code = writer.wait(); code != 128 + SIGKILL)
        r.violation("cycle " + std::to_string(cycle)
                    + ": the writer ended with " + std::to_string(code) + ": "
                    + writer.err());
    }
    oracle& x = *seen->operator->();
    while_opening += x.is_open != in_file ? 1 : 0;
    answers += x.answers - answers_before;
    if (const auto wrong = x.wrong_answers.exchange(0); wrong > 0)
      r.violation("cycle " + std::to_string(cycle) + ": "
                  + std::to_string(wrong) + " wrong answers, the first: "
                  + x.first_wrong_answer.data());
    auto words = s.words("kill-inspector");
    const auto is_last = in_file == cycles_per_file || cycle == cycles;
    words.emplace_back(is_last ? "all" : "recent");
    program inspector{own_path(), {.arguments = words}};
    if (const auto code = inspector.wait(); code != 0)
      r.violation("cycle " + std::to_string(cycle) + ": " + std::to_string(code)
                  + " found by the fresh process: " + inspector.err());
    if (is_last)
      for (const auto& each : x.ids_begun)
        operations += each;
    r.tried(1, cycles);
  }
  r.require(answers > static_cast<std::uint64_t>(cycles) * 50,
            "too few answers to say anything");
  r.require(while_opening > 0, "no kill hit an opening");
  r.require(control_fails(r.random()()),
            "the control, which trusts what was only sent, did not fail");
  r.figure(std::to_string(answers) + " acknowledged transitions of "
           + std::to_string(operations) + " operations in "
           + std::to_string(files) + " files");
  r.figure(std::to_string(while_opening) + " kills before the file was open");
}

} // namespace waybill::torture
