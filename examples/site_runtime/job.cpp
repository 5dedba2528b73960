#include "site_runtime/job.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "site_runtime/input.hpp"
#include "waybill/ask.hpp"

namespace site_runtime {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using waybill::errc;

// Calls handed over at a time: enough of them to share a commit.
constexpr std::size_t window = 256;

// How long a wait may last; an interrupt is heard as soon.
constexpr auto longest_wait = 100ms;

// True if the same request, repeated later, may well succeed. Repeating one is
// always harmless.
bool may_recover(errc code) {
  switch (code) {
    case errc::overloaded:
    case errc::not_stored:
    case errc::store_full:
      return true;
    case errc::tracker_gone:
      return false;
    default:
      return certainty_of(code) == waybill::certainty::unknown;
  }
}

double a_second(std::int64_t n, std::chrono::milliseconds time) {
  const auto ms = static_cast<double>(std::max<std::int64_t>(time.count(), 1));
  return static_cast<double>(std::max<std::int64_t>(n, 0)) * 1e3 / ms;
}

} // namespace

job::job(caf::actor_system& system, job_actors actors, progress& view,
         std::int64_t rate, ledger accounts)
  : system_{system},
    sender_{system},
    actors_{std::move(actors)},
    view_{view},
    rate_{rate},
    began_{steady_clock::now()},
    ledger_{std::move(accounts)},
    follower_{system, actors_.tracker},
    finished_before_{ledger_.counts().finished()} {}

void job::work(waybill::cli::line_reader& source,
               const std::function<bool()>& stop_asked_for) {
  while (!stop_asked_for() && !(all_read_ && waiting_.empty())) {
    if (waiting_.empty() && may_read())
      read(source);
    else
      std::this_thread::sleep_for(20ms);
    hand_over();
    look(0ms);
  }
  while (!stop_asked_for() && ledger_.num_open() > 0)
    look(longest_wait);
}

void job::go_on(const std::function<bool()>& stop_asked_for) {
  all_read_ = true;
  while (!stop_asked_for() && ledger_.num_open() > 0 && has_calls())
    look(longest_wait);
}

progress_figures job::final_figures() const {
  const auto counts = ledger_.counts();
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
    steady_clock::now() - began_);
  return {.counts = counts,
          .all_read = all_read_,
          .elapsed = elapsed,
          .rate = a_second(counts.finished() - finished_before_, elapsed)};
}

progress_figures job::figures() {
  auto x = final_figures();
  const auto finished = x.counts.finished() - finished_before_;
  history_.emplace_back(x.elapsed, finished);
  while (x.elapsed - history_.front().first > 2s)
    history_.pop_front();
  if (const auto& [then, finished_then] = history_.front(); then < x.elapsed)
    x.rate = a_second(finished - finished_then, x.elapsed - then);
  return x;
}

bool job::may_read() const {
  if (all_read_)
    return false;
  const std::chrono::duration<double> elapsed = steady_clock::now() - began_;
  return rate_ == 0
         || static_cast<double>(num_read_)
              < static_cast<double>(rate_) * elapsed.count();
}

// Whether any is on its way, as far as that can be found out.
bool job::has_calls() const {
  const auto is_busy = [this](const waybill::store_and_forward_actor& actor) {
    return ask(system_, actor, waybill::get_backlog{}).calls > 0;
  };
  try {
    return is_busy(actors_.external) || is_busy(actors_.database);
  } catch (const waybill::request_error&) {
    return true;
  }
}

// Takes the lines that are there now; waits a little for the first.
void job::read(waybill::cli::line_reader& source) {
  auto patience = 20ms;
  while (waiting_.size() < window && may_read()) {
    const auto line = source.next(std::exchange(patience, 0ms));
    all_read_ = source.at_end();
    if (!line)
      break;
    ++num_read_;
    take(*line);
  }
}

void job::take(const waybill::cli::line_reader::line& line) {
  if (line.too_long)
    return skip(line.number,
                "longer than " + std::to_string(max_line) + " bytes");
  try {
    auto call = parse_call(line.text);
    if (const auto first = ledger_.open(call.id, call.kind, line.number))
      return skip(line.number, "id: is that of line " + std::to_string(*first)
                                 + ": " + to_string(call.id));
    waiting_.push_back({line.number, std::move(call)});
  } catch (const bad_line& e) {
    skip(line.number, e.what());
  }
}

void job::skip(std::int64_t line, const std::string& reason) {
  ledger_.skip();
  view_.note("line " + std::to_string(line) + " skipped: " + reason);
}

// Calls that are refused for now stay in `waiting_`.
void job::hand_over() {
  const auto send = [this](const read_call& x) {
    return sender_.request(x.call.kind == external_kind ? actors_.external
                                                        : actors_.database,
                           30s, x.call);
  };
  // All of them before the first answer is waited for.
  std::vector<std::invoke_result_t<decltype(send), const read_call&>> pending;
  pending.reserve(waiting_.size());
  for (const auto& each : waiting_)
    pending.push_back(send(each));
  std::vector<read_call> refused;
  std::vector<waybill::tracked_operation_id> finished;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    auto& [line, call] = waiting_[i];
    waybill::forward_reply reply;
    std::optional<waybill::failure> why;
    std::move(pending[i])
      .receive([&](const waybill::forward_reply& x) { reply = x; },
               [&](const caf::error& x) { why = waybill::to_failure(x); });
    if (!why) {
      if (reply.outcome == waybill::forward_outcome::already_terminal)
        finished.push_back(call.id);
    } else if (why->code == errc::invalid_request) {
      ledger_.withdraw(call.id);
      skip(line, why->text);
    } else if (may_recover(why->code)) {
      refused.push_back({line, std::move(call)});
    } else {
      throw waybill::request_error{*why};
    }
  }
  if (!refused.empty())
    std::this_thread::sleep_for(20ms);
  waiting_ = std::move(refused);
  finished_before_ += std::ssize(finished);
  settle(std::move(finished), 0ms); // no watch will tell of them
}

// Takes in what has happened, and waits for those that were read first. What
// the watch leaves out, the wait tells.
void job::look(std::chrono::milliseconds patience) {
  for (const auto& each : follower_.take())
    ledger_.update(each);
  settle(ledger_.first_open(waybill::limits::max_awaited), patience);
  view_.show(figures());
}

// Returns when all of them have finished, or after `patience`; takes in where
// they stand.
void job::settle(std::vector<waybill::tracked_operation_id> ids,
                 std::chrono::milliseconds patience) {
  if (ids.empty())
    return;
  waybill::await_terminal question;
  question.ids = std::move(ids);
  question.until_recorded = true; // some may still be in `waiting_`
  question.deadline = waybill::timestamp::now() + patience;
  try {
    const auto reply = ask(system_, actors_.tracker, std::move(question));
    for (const auto& each : reply.operations)
      if (each.snapshot)
        ledger_.update(*each.snapshot);
  } catch (const waybill::request_error& e) {
    // Another tracker takes the place of one that has died.
    if (!may_recover(e.code()) && e.code() != errc::tracker_gone)
      throw;
    std::this_thread::sleep_for(20ms);
  }
}

} // namespace site_runtime
