// The options of store-and-forward: their list, and the waits they give.
#include "waybill/forward_options.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "waybill/config_section.hpp"
#include "waybill/messages.hpp"
#include "waybill/option_list.hpp"

namespace waybill {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

bool is_target(const std::string& x) {
  return !x.empty() && x.size() <= limits::max_target && is_valid_utf8(x);
}

static_assert(limits::max_target == 1'024);

constexpr const char* end_names[] = {"continue", "block"};
constexpr const char* doubt_names[] = {"retry", "park"};

template <class Kind>
using member = option<forward_options>::place<Kind>;

const std::array<option<forward_options>, 28> all_forward_options{{
  {"target",
   member<text_kind>{&forward_options::target,
                     {&is_target, "valid UTF-8 of 1 to 1024 bytes"}},
   "the target's name, under which its calls are kept"},
  {"max_concurrency",
   member<number_kind>{&forward_options::max_concurrency,
                       {{1, 256, "attempts"}}},
   "attempts that run at a time"},
  {"max_calls",
   member<number_kind>{&forward_options::max_calls,
                       {{1, 1'000'000'000, "calls"}}},
   "calls that are kept, not yet finished; one more is answered `overloaded`"},
  {"max_bytes",
   member<number_kind>{&forward_options::max_bytes,
                       {{1'024, 1'099'511'627'776, "bytes"}}},
   "their payloads; past it the answer is `overloaded`"},
  {"max_kept_calls",
   member<number_kind>{&forward_options::max_kept_calls,
                       {{1, 1'000'000'000, "calls"}}},
   "parked and failed calls that are kept; at it no call is taken"},
  {"max_kept_bytes",
   member<number_kind>{&forward_options::max_kept_bytes,
                       {{1'024, 1'099'511'627'776, "bytes"}}},
   "their payloads"},
  {"max_payload",
   member<number_kind>{&forward_options::max_payload,
                       {{0, 67'108'864, "bytes"}}},
   "a longer payload is refused"},
  {"max_heads",
   member<number_kind>{&forward_options::max_heads, {{1, 1'000'000, "calls"}}},
   "calls that are in memory too, without their payloads"},
  {"max_waiting_bytes",
   member<number_kind>{&forward_options::max_waiting_bytes,
                       {{1'024, 17'179'869'184, "bytes"}}},
   "messages that wait for the actor; past it the answer is `overloaded`"},
  {"max_attempts",
   member<number_kind>{&forward_options::max_attempts,
                       {{1, 1'000'000, "attempts"}}},
   "attempts before a call is parked"},
  {"max_interruptions",
   member<number_kind>{&forward_options::max_interruptions,
                       {{1, 1'000, "times"}}},
   "times that the process's end may interrupt a call before it is parked"},
  {"on_park",
   member<choice_kind<after_end>>{&forward_options::on_park, {end_names}},
   "what becomes of a parked or failed call's order key: `continue` with the "
   "next call, or `block` it until the call is discarded"},
  {"on_unknown",
   member<choice_kind<after_doubt>>{&forward_options::on_unknown,
                                    {doubt_names}},
   "what follows an attempt that the target may have taken: `retry`, or "
   "`park` for targets that must not see a call twice"},
  {"first_delay",
   member<duration_kind>{&forward_options::first_delay, {1ms, 24h}},
   "the wait before the second attempt"},
  {"max_delay", member<duration_kind>{&forward_options::max_delay, {1ms, 168h}},
   "the longest wait; not less than `first_delay`"},
  {"max_retry_after",
   member<duration_kind>{&forward_options::max_retry_after, {0ms, 168h}},
   "the longest wait that a target may ask for"},
  {"backoff_factor",
   member<real_kind>{&forward_options::backoff_factor, {1, 10}},
   "how much longer each wait is than the one before"},
  {"jitter", member<real_kind>{&forward_options::jitter, {0, 1}},
   "the part of each wait that is random"},
  {"breaker_failure_ratio",
   member<real_kind>{&forward_options::breaker_failure_ratio, {0, 1}},
   "the part of the attempts whose failing opens the breaker; 0: never"},
  {"breaker_min_attempts",
   member<number_kind>{&forward_options::breaker_min_attempts,
                       {{1, 1'000'000, "attempts"}}},
   "attempts that must have ended before it opens"},
  {"breaker_window",
   member<duration_kind>{&forward_options::breaker_window, {1s, 1h}},
   "how far back attempts are counted"},
  {"breaker_first_pause",
   member<duration_kind>{&forward_options::breaker_first_pause, {1ms, 1h}},
   "how long it is open before one attempt tries"},
  {"breaker_max_pause",
   member<duration_kind>{&forward_options::breaker_max_pause, {1ms, 24h}},
   "the longest; not less than `breaker_first_pause`"},
  {"max_rate", member<real_kind>{&forward_options::max_rate, {0, 1'000'000}},
   "attempts begun a second; 0: no limit"},
  {"burst",
   member<number_kind>{&forward_options::burst, {{1, 1'000'000, "attempts"}}},
   "of them, those that may begin at once"},
  {"seed", member<seed_kind>{&forward_options::seed, {}},
   "makes the jitter repeatable"},
  {"report_timeout",
   member<duration_kind>{&forward_options::report_timeout, {1ms, 1h}},
   "how long to wait for the tracker before a report is repeated"},
  {"last_error_cap",
   member<number_kind>{&forward_options::last_error_cap,
                       {store_options::last_error_cap_range}},
   "longer errors of `deliver` are shortened"},
}};

forward_options read_all_forward(const nlohmann::json& object) {
  forward_options x;
  read_options(all_forward_options, object, x);
  validate(x);
  return x;
}

} // namespace

std::vector<option_info> describe_forward_options() {
  return describe(all_forward_options);
}

void validate(const forward_options& x) {
  check_options(all_forward_options, x);
  if (x.max_delay < x.first_delay)
    refuse_option("max_delay", "must be at least first_delay ("
                                 + to_text(x.first_delay) + "), but is "
                                 + to_text(x.max_delay));
  if (x.breaker_max_pause < x.breaker_first_pause)
    refuse_option("breaker_max_pause", "must be at least breaker_first_pause ("
                                         + to_text(x.breaker_first_pause)
                                         + "), but is "
                                         + to_text(x.breaker_max_pause));
}

forward_options forward_options_from_json(std::string_view text) {
  return read_all_forward(parse_options(text));
}

forward_options forward_options_from_json_file(const std::string& path) {
  return from_options_file(path, &forward_options_from_json);
}

forward_options
forward_options_from_config(const caf::actor_system_config& config,
                            const std::string& section) {
  return read_all_forward(config_section(config, section));
}

void add_forward_options(caf::config_option_set& to,
                         const std::string& section) {
  add_options(to, section, all_forward_options);
}

milliseconds backoff(const forward_options& x, std::int64_t attempt,
                     double random) {
  const auto max = static_cast<double>(x.max_delay.count());
  // Infinite for a late attempt, which is past the longest wait as well.
  const auto grown = static_cast<double>(x.first_delay.count())
                     * std::pow(x.backoff_factor,
                                static_cast<double>(attempt - 1));
  const auto whole = std::min(grown, max);
  const auto part = whole * (1.0 - x.jitter + x.jitter * random);
  return milliseconds{std::llround(part)};
}

} // namespace waybill
