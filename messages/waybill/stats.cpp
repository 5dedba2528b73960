#include "waybill/stats.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <map>
#include <utility>

#include "waybill/field_checks.hpp"
#include "waybill/text.hpp"

namespace waybill {

// -- histograms ---------------------------------------------------------------

namespace {

constexpr auto highest = std::numeric_limits<std::int64_t>::max();
constexpr auto lowest = std::numeric_limits<std::int64_t>::min();

std::int64_t saturating_sum(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum))
    sum = b < 0 ? lowest : highest;
  return sum;
}

// `counts[bucket]`, whatever lists another node has sent.
std::int64_t values_in(const histogram& x, std::size_t bucket) noexcept {
  return bucket < x.counts.size() ? std::max<std::int64_t>(x.counts[bucket], 0)
                                  : 0;
}

histogram with_bounds(std::vector<std::int64_t> bounds) {
  histogram x;
  x.counts.assign(bounds.size() + 1, 0);
  x.upper_bounds = std::move(bounds);
  return x;
}

} // namespace

void histogram::add(std::int64_t value) noexcept {
  // There are few bounds, and those from another node may be in any order.
  std::size_t bucket = 0;
  while (bucket < upper_bounds.size() && upper_bounds[bucket] < value)
    ++bucket;
  if (bucket >= counts.size())
    return;
  counts[bucket] = saturating_sum(counts[bucket], 1);
  sum = saturating_sum(sum, value);
}

std::int64_t histogram::count() const noexcept {
  std::int64_t result = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    result = saturating_sum(result, values_in(*this, i));
  return result;
}

std::optional<std::int64_t> histogram::quantile(double q) const noexcept {
  const auto total = count();
  // Written so that NaN is refused as well.
  if (total == 0 || !(q >= 0 && q <= 1))
    return std::nullopt;
  const auto wanted = q * static_cast<double>(total);
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < upper_bounds.size(); ++i) {
    seen = saturating_sum(seen, values_in(*this, i));
    // The 0-quantile is the smallest value, not the first bucket.
    if (seen > 0 && static_cast<double>(seen) >= wanted)
      return upper_bounds[i];
  }
  return highest;
}

histogram latency_histogram() {
  constexpr std::int64_t last = 10'000'000;
  std::vector<std::int64_t> bounds;
  for (std::int64_t decade = 10; decade < last; decade *= 10)
    for (const std::int64_t factor : {1, 2, 5})
      bounds.push_back(factor * decade);
  bounds.push_back(last);
  return with_bounds(std::move(bounds));
}

histogram size_histogram() {
  std::vector<std::int64_t> bounds;
  for (std::int64_t bound = 1; bound <= 65'536; bound *= 2)
    bounds.push_back(bound);
  return with_bounds(std::move(bounds));
}

// -- messages -----------------------------------------------------------------

std::optional<std::string> find_fault(const get_stats& x) {
  return detail::check_time("deadline", x.deadline);
}

// -- Prometheus ---------------------------------------------------------------

namespace {

std::string plain(std::int64_t x) {
  return std::to_string(x);
}

// Microseconds as seconds, exactly: a double has too few digits for times.
std::string seconds(std::int64_t us) {
  constexpr std::uint64_t second = 1'000'000;
  const auto bits = static_cast<std::uint64_t>(us);
  const auto magnitude = us < 0 ? 0 - bits : bits;
  auto text = (us < 0 ? "-" : "") + std::to_string(magnitude / second);
  // With a 1 in front the fraction keeps its zeros.
  const auto fraction = std::to_string(second + magnitude % second);
  const auto digits = fraction.find_last_not_of('0');
  if (digits > 0)
    text.append(1, '.').append(fraction, 1, digits);
  return text;
}

std::string label(std::string_view name, std::string_view value) {
  return "{" + std::string{name} + "=\"" + escape_label_value(value) + "\"}";
}

// Families of samples, as the format wants them: what they mean and their type
// first, then all of their samples. See
// https://prometheus.io/docs/instrumenting/exposition_formats/
class exposition {
public:
  void add_counter(std::string_view name, std::string_view help,
                   std::int64_t value) {
    begin(name, "counter", help);
    add_sample("", "", plain(value));
  }

  // One sample for each value of the label `outcome`.
  void add_outcomes(
    std::string_view name, std::string_view help,
    std::initializer_list<std::pair<std::string_view, std::int64_t>> outcomes) {
    begin(name, "counter", help);
    for (const auto& [outcome, value] : outcomes)
      add_sample("", label("outcome", outcome), plain(value));
  }

  void add_gauge(std::string_view name, std::string_view help,
                 const std::string& value) {
    begin(name, "gauge", help);
    add_sample("", "", value);
  }

  void add_gauge(std::string_view name, std::string_view help,
                 std::int64_t value) {
    add_gauge(name, help, plain(value));
  }

  void add_time(std::string_view name, std::string_view help,
                const std::optional<timestamp>& t) {
    if (t)
      add_gauge(name, help, seconds(t->us()));
  }

  // `to_unit` writes a value in the family's unit.
  void add_histogram(std::string_view name, std::string_view help,
                     const histogram& x, std::string (*to_unit)(std::int64_t)) {
    begin(name, "histogram", help);
    std::int64_t seen = 0;
    auto last_bound = lowest;
    for (std::size_t i = 0; i < x.upper_bounds.size(); ++i) {
      seen = saturating_sum(seen, values_in(x, i));
      // Bounds from another node may not increase: no series comes twice.
      if (i > 0 && x.upper_bounds[i] <= last_bound)
        continue;
      last_bound = x.upper_bounds[i];
      add_sample("_bucket", label("le", to_unit(last_bound)), plain(seen));
    }
    const auto count = plain(x.count());
    add_sample("_bucket", label("le", "+Inf"), count);
    add_sample("_sum", "", to_unit(x.sum));
    add_sample("_count", "", count);
  }

  void begin(std::string_view name, std::string_view type,
             std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help);
    text_.append("\n# TYPE ").append(name).append(" ").append(type);
    text_ += '\n';
  }

  // Of the family that was begun last.
  void add_sample(std::string_view suffix, std::string_view labels,
                  std::string_view value) {
    text_.append(name_).append(suffix).append(labels);
    text_.append(" ").append(value) += '\n';
  }

  std::string take() && { return std::move(text_); }

private:
  std::string text_;
  std::string_view name_;
};

void add_operations(exposition& out, const std::vector<status_total>& totals) {
  // Also those that are 0: a series that comes and goes is hard to add up.
  std::map<tracking_status, std::int64_t> by_status;
  for (int i = 0; i < num_tracking_statuses; ++i)
    by_status[static_cast<tracking_status>(i)] = 0;
  for (const auto& each : totals) {
    auto& sum = by_status[each.status];
    sum = saturating_sum(sum, each.operations);
  }
  out.begin("waybill_operations", "gauge", "Operations in the store.");
  for (const auto& [status, operations] : by_status)
    out.add_sample("", label("status", to_string(status)), plain(operations));
}

void add_health(exposition& out, health_state health) {
  out.begin("waybill_health", "gauge",
            "How the tracker is doing: 1 for the state that it is in.");
  for (int i = 0; i < num_health_states; ++i) {
    const auto state = static_cast<health_state>(i);
    out.add_sample("", label("state", to_string(state)),
                   state == health ? "1" : "0");
  }
  // A newer node may have more states.
  if (static_cast<int>(health) >= num_health_states)
    out.add_sample("", label("state", to_string(health)), "1");
}

// What has been done since the tracker started.
void add_work(exposition& out, const stats_reply& x) {
  out.add_outcomes("waybill_enqueues_total",
                   "Enqueue requests by what they found.",
                   {{"inserted", x.inserted}, {"duplicate", x.duplicates}});
  out.add_outcomes("waybill_transitions_total",
                   "Attempts and ends by what became of the operation.",
                   {{"attempted", x.attempts},
                    {"delivered", x.delivered},
                    {"parked", x.parked},
                    {"failed", x.failed},
                    {"discarded", x.discarded},
                    {"already_terminal", x.already_terminal},
                    {"not_found", x.not_found}});
  out.add_outcomes("waybill_request_errors_total",
                   "Requests that were not done, or maybe not.",
                   {{"refused", x.refused},
                    {"not_stored", x.not_stored},
                    {"unknown", x.unknown}});
  out.add_counter("waybill_status_questions_total",
                  "Questions for an operation's status that were answered.",
                  x.status_questions);
  out.add_counter("waybill_purged_operations_total",
                  "Operations that purges deleted.", x.purged);
  out.add_counter("waybill_batches_total", "Transactions that were committed.",
                  x.batches);
  out.add_histogram("waybill_batch_size_requests", "Requests in a transaction.",
                    x.batch_size, plain);
  out.add_histogram("waybill_commit_latency_seconds", "How long COMMIT took.",
                    x.commit_latency, seconds);
  out.add_histogram("waybill_queue_latency_seconds",
                    "How long a message waited in the mailbox, one sample a "
                    "transaction.",
                    x.queue_latency, seconds);
}

std::string labels_of(const target_total& x, std::string_view state) {
  return "{target=\"" + escape_label_value(x.name) + "\",state=\""
         + std::string{state} + "\"}";
}

// What is kept for targets. There may be two of a name, from another node: no
// series comes twice.
void add_targets(exposition& out, const std::vector<target_total>& targets,
                 std::int64_t others, std::int64_t paused) {
  std::map<std::string, target_total> by_name;
  for (const auto& each : targets)
    by_name.emplace(sanitize_utf8(each.name), each);
  out.add_gauge("waybill_other_targets", "Targets that are not told of.",
                others);
  out.add_gauge("waybill_paused_targets",
                "Targets that an operator has paused.", paused);
  if (by_name.empty())
    return; // a family has samples
  out.begin("waybill_target_calls", "gauge",
            "Calls that are kept for a target.");
  for (const auto& [name, x] : by_name) {
    out.add_sample("", labels_of(x, "ready"), plain(x.ready));
    out.add_sample("", labels_of(x, "scheduled"), plain(x.scheduled));
    out.add_sample("", labels_of(x, "begun"), plain(x.begun));
    out.add_sample("", labels_of(x, "kept"), plain(x.kept_calls));
  }
  out.begin("waybill_target_bytes", "gauge",
            "Payloads that are kept for a target.");
  for (const auto& [name, x] : by_name) {
    out.add_sample("", labels_of(x, "on_their_way"), plain(x.bytes));
    out.add_sample("", labels_of(x, "kept"), plain(x.kept_bytes));
  }
  out.begin("waybill_target_paused", "gauge",
            "Whether an operator has paused a target.");
  for (const auto& [name, x] : by_name)
    out.add_sample("", label("target", name), x.paused_since ? "1" : "0");
}

void add_tombstones(exposition& out, std::int64_t tombstones,
                    const std::optional<timestamp>& remembered_since) {
  out.add_gauge("waybill_tombstones",
                "Calls that were purged and are remembered, and other "
                "operations if the host wants these, too.",
                tombstones);
  out.add_time("waybill_remembered_since_timestamp_seconds",
               "All of those that were purged after this are remembered, since "
               "1970.",
               remembered_since);
}

// How much there is of what has a bound, or should not grow.
void add_sizes(exposition& out, const stats_reply& x) {
  out.add_gauge("waybill_waiting_requests",
                "Requests admitted and not yet answered.", x.waiting_requests);
  out.add_gauge("waybill_waiting_bytes",
                "Text of the requests admitted and not yet answered.",
                x.waiting_bytes);
  out.add_gauge("waybill_open_waits", "Open waits for operations to finish.",
                x.waits);
  out.add_gauge("waybill_open_watches", "Open watches for transitions.",
                x.watches);
  out.add_gauge("waybill_file_bytes", "Size of the database file.",
                x.file_bytes);
  out.add_gauge("waybill_file_free_bytes", "Unused part of the database file.",
                x.free_bytes);
  out.add_gauge("waybill_wal_bytes", "Size of the write-ahead log's content.",
                x.wal_bytes);
}

void add_ages(exposition& out, const stats_reply& x) {
  out.add_time("waybill_oldest_in_flight_timestamp_seconds",
               "When the oldest operation in flight was recorded, since 1970.",
               x.oldest_in_flight);
  out.add_time("waybill_oldest_parked_timestamp_seconds",
               "When the operation parked for longest was parked, since 1970.",
               x.oldest_parked);
  out.add_gauge("waybill_purge_lag_seconds",
                "By how much the oldest finished operation has outlived its "
                "retention window.",
                seconds(x.purge_lag_us));
}

} // namespace

std::string to_prometheus(const stats_reply& x) {
  exposition out;
  out.add_time("waybill_start_time_seconds",
               "When the tracker started and counting began, since 1970.",
               x.since);
  add_work(out, x);
  add_sizes(out, x);
  add_operations(out, x.operations);
  add_targets(out, x.targets, x.other_targets, x.paused_targets);
  add_tombstones(out, x.tombstones, x.remembered_since);
  add_ages(out, x);
  add_health(out, x.health);
  out.add_counter("waybill_restarts_total",
                  "How often the tracker died and was started again.",
                  x.restarts);
  return std::move(out).take();
}

std::string to_prometheus(const std::vector<target_total>& targets,
                          std::int64_t other_targets,
                          std::int64_t paused_targets) {
  exposition out;
  add_targets(out, targets, other_targets, paused_targets);
  return std::move(out).take();
}

std::string to_prometheus(std::int64_t tombstones,
                          const std::optional<timestamp>& remembered_since) {
  exposition out;
  add_tombstones(out, tombstones, remembered_since);
  return std::move(out).take();
}

std::string escape_label_value(std::string_view text) {
  std::string out;
  for (const auto c : sanitize_utf8(text)) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"')
      out += '\\';
    out += c;
  }
  return out;
}

} // namespace waybill
