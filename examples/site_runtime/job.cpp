#include "site_runtime/job.hpp"

#include <algorithm>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>

#include "waybill/ask.hpp"

namespace site_runtime {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using waybill::errc;

// Requests under way at a time: enough of them to share a commit.
constexpr std::size_t window = 256;

// Sends all requests before it waits for the first answer. Returns replies and
// failures in the order of the requests.
template <class Request, class HandleOf>
auto ask_all(caf::scoped_actor& self, const std::vector<Request>& requests,
             HandleOf handle_of) {
  using reply = typename Request::reply;
  const auto send = [&](const Request& x) {
    return waybill::request(self, handle_of(x), 30s, x);
  };
  std::vector<std::invoke_result_t<decltype(send), const Request&>> pending;
  pending.reserve(requests.size());
  for (const auto& each : requests)
    pending.push_back(send(each));
  std::vector<std::variant<reply, waybill::failure>> answers;
  answers.reserve(requests.size());
  const auto on_reply = [&](reply& x) { answers.emplace_back(std::move(x)); };
  const auto on_error = [&](const caf::error& x) {
    answers.emplace_back(waybill::to_failure(x));
  };
  for (auto& each : pending)
    std::move(each).receive(on_reply, on_error);
  return answers;
}

// True if the same request, repeated later, may well succeed. Repeating one is
// always harmless.
bool may_recover(errc code) {
  switch (code) {
    case errc::overloaded:
    case errc::timed_out:
    case errc::not_stored:
    case errc::outcome_unknown:
    case errc::store_full:
      return true;
    default:
      return false;
  }
}

double a_second(std::int64_t n, std::chrono::milliseconds time) {
  const auto ms = static_cast<double>(std::max<std::int64_t>(time.count(), 1));
  return static_cast<double>(std::max<std::int64_t>(n, 0)) * 1e3 / ms;
}

} // namespace

job::job(caf::actor_system& system, job_actors actors, progress& view,
         std::int64_t rate)
  : self_{system},
    actors_{std::move(actors)},
    view_{view},
    rate_{rate},
    began_{steady_clock::now()} {
  follower_.emplace(system, actors_.tracker);
}

void job::work(input& source, const std::function<bool()>& stop_asked_for) {
  while (!stop_asked_for()) {
    if (waiting_.empty() && may_read())
      read(source);
    else
      std::this_thread::sleep_for(20ms);
    hand_over();
    hear();
    look();
    view_.show(figures());
    if (all_read_ && waiting_.empty() && ledger_.num_open() == 0)
      break;
  }
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

// Takes the lines that are there now; waits a little for the first.
void job::read(input& source) {
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

void job::take(const input::line& line) {
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

void job::skip(std::uint64_t line, const std::string& reason) {
  ledger_.skip();
  view_.note("line " + std::to_string(line) + " skipped: " + reason);
}

// Calls that are refused for now stay in `waiting_`.
void job::hand_over() {
  if (waiting_.empty())
    return;
  std::vector<waybill::forward_call> calls;
  for (const auto& each : waiting_)
    calls.push_back(each.call);
  const auto answers = ask_all(
    self_, calls, [&](const waybill::forward_call& x) -> auto& {
      return x.kind == external_kind ? actors_.external : actors_.database;
    });
  std::vector<read_call> refused;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& [line, call] = waiting_[i];
    if (const auto* reply = std::get_if<waybill::forward_reply>(&answers[i])) {
      if (reply->outcome == waybill::forward_outcome::already_terminal)
        ++finished_before_;
      changed_.insert(call.id);
      continue;
    }
    const auto& why = std::get<waybill::failure>(answers[i]);
    if (why.code == errc::invalid_request) {
      ledger_.withdraw(call.id);
      skip(line, why.text);
    } else if (may_recover(why.code)) {
      refused.push_back({line, std::move(call)});
    } else {
      throw waybill::request_error{why};
    }
  }
  if (!refused.empty())
    std::this_thread::sleep_for(20ms);
  waiting_ = std::move(refused);
}

// Takes in which operations have changed.
void job::hear() {
  const auto news = follower_->take();
  for (const auto& id : news.changed)
    if (ledger_.is_open(id))
      changed_.insert(id);
  if (news.incomplete)
    for (const auto& id : ledger_.all_open())
      changed_.insert(id);
}

// Asks what has become of some of them.
void job::look() {
  std::vector<waybill::get_status> questions;
  while (!changed_.empty() && questions.size() < window)
    questions.push_back({.id = changed_.extract(changed_.begin()).value(),
                         .deadline = std::nullopt});
  const auto answers = ask_all(
    self_, questions, [&](const waybill::get_status&) -> auto& {
      return actors_.tracker;
    });
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (const auto* reply = std::get_if<waybill::status_reply>(&answers[i])) {
      if (reply->snapshot)
        ledger_.update(*reply->snapshot);
    } else {
      const auto& why = std::get<waybill::failure>(answers[i]);
      if (!may_recover(why.code))
        throw waybill::request_error{why};
      changed_.insert(questions[i].id);
    }
}

} // namespace site_runtime
