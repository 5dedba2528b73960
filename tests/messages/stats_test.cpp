// A tracker's numbers: histograms, JSON, and the text for Prometheus, which a
// strict reader of the format goes through.

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/exposition.hpp"
#include "support/hostile.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "waybill/stats.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();

histogram filled(histogram x, std::initializer_list<std::int64_t> values) {
  for (const auto value : values)
    x.add(value);
  return x;
}

// Numbers that are all different, and none of them the default.
stats_reply busy() {
  stats_reply x;
  x.since = t0;
  x.inserted = 101;
  x.duplicates = 102;
  x.attempts = 103;
  x.delivered = 104;
  x.parked = 105;
  x.failed = 106;
  x.discarded = 107;
  x.already_terminal = 108;
  x.not_found = 109;
  x.refused = 110;
  x.not_stored = 111;
  x.unknown = 112;
  x.status_questions = 113;
  x.purged = 114;
  x.batches = 3;
  x.batch_size = filled(size_histogram(), {1, 3, 100'000});
  x.commit_latency = filled(latency_histogram(), {150, 150, 2'500'000});
  x.queue_latency = filled(latency_histogram(), {7, 80, 11'000'000});
  x.waiting_requests = 115;
  x.waiting_bytes = 116;
  x.waits = 117;
  x.watches = 118;
  x.file_bytes = 119;
  x.free_bytes = 120;
  x.wal_bytes = 121;
  x.operations = {{tracking_status::submitted, 122},
                  {tracking_status::parked, 123}};
  x.oldest_in_flight = at(-60) + std::chrono::microseconds{250};
  x.oldest_parked = at(-3'600);
  x.purge_lag_us = 90'000'001;
  x.targets = {{"plant \"7\"\n", 125, 126, 127, 128, 129, 130}, {"other"}};
  x.targets.front().paused_since = at(-60);
  x.other_targets = 131;
  x.paused_targets = 132;
  x.tombstones = 133;
  x.remembered_since = at(-7'200);
  x.health = health_state::degraded;
  x.restarts = 124;
  return x;
}

bool has_line(const std::string& text, const std::string& line) {
  return text.starts_with(line + "\n")
         || text.find("\n" + line + "\n") != text.npos;
}

} // namespace

// -- histograms ---------------------------------------------------------------

TEST_CASE("a value is counted in the first bucket that it fits into") {
  histogram x;
  x.upper_bounds = {10, 20};
  x.counts = {0, 0, 0};
  for (const std::int64_t value : {-5, 0, 10, 11, 20, 21, 1'000})
    x.add(value);
  CHECK(x.counts == std::vector<std::int64_t>{3, 2, 2});
  CHECK(x.count() == 7);
  CHECK(x.sum == 1'057);
}

TEST_CASE("a histogram without bounds counts all in one bucket") {
  const auto x = filled({}, {lowest, 0, highest});
  CHECK(x.counts == std::vector<std::int64_t>{3});
  CHECK(x.count() == 3);
  CHECK(x.sum == -1);
}

TEST_CASE("a sum stays at the end of its range instead of overflowing") {
  CHECK(filled({}, {highest, highest}).sum == highest);
  CHECK(filled({}, {lowest, -1}).sum == lowest);
  auto x = filled(latency_histogram(), {highest});
  x.counts.back() = highest;
  x.add(highest);
  CHECK(x.counts.back() == highest);
  x.add(1);
  CHECK(x.count() == highest);
}

TEST_CASE("latencies are counted in steps of 1, 2 and 5 from 10 us to 10 s") {
  const auto x = latency_histogram();
  CHECK(x.upper_bounds
        == std::vector<std::int64_t>{10, 20, 50, 100, 200, 500, 1'000, 2'000,
                                     5'000, 10'000, 20'000, 50'000, 100'000,
                                     200'000, 500'000, 1'000'000, 2'000'000,
                                     5'000'000, 10'000'000});
  CHECK(x.counts == std::vector<std::int64_t>(20, 0));
  CHECK(x.sum == 0);
}

TEST_CASE("sizes are counted in powers of two from 1 to 65536") {
  const auto x = size_histogram();
  REQUIRE(x.upper_bounds.size() == 17);
  for (std::size_t i = 0; i < 17; ++i)
    CHECK(x.upper_bounds[i] == std::int64_t{1} << i);
  CHECK(x.counts == std::vector<std::int64_t>(18, 0));
}

TEST_CASE("a quantile is the upper bound of the bucket that it is in") {
  auto x = latency_histogram();
  for (int i = 0; i < 90; ++i)
    x.add(15);
  for (int i = 0; i < 9; ++i)
    x.add(1'000);
  x.add(3'000'000);
  CHECK(x.quantile(0) == 20);
  CHECK(x.quantile(0.5) == 20);
  CHECK(x.quantile(0.9) == 20);
  CHECK(x.quantile(0.91) == 1'000);
  CHECK(x.quantile(0.99) == 1'000);
  CHECK(x.quantile(0.991) == 5'000'000);
  CHECK(x.quantile(1) == 5'000'000);
}

TEST_CASE("every quantile of one value is its bucket's bound") {
  const auto q = GENERATE(0.0, 1e-300, 0.5, 1.0);
  CHECK(filled(size_histogram(), {3}).quantile(q) == 4);
  CHECK(filled(size_histogram(), {lowest}).quantile(q) == 1);
  CHECK(filled(size_histogram(), {65'536}).quantile(q) == 65'536);
  CHECK(filled(size_histogram(), {65'537}).quantile(q) == highest);
}

TEST_CASE("there is no quantile of nothing, nor one out of 0 to 1") {
  CHECK(latency_histogram().quantile(0.5) == std::nullopt);
  CHECK(histogram{}.quantile(1) == std::nullopt);
  const auto x = filled(latency_histogram(), {1});
  for (const auto q : {-0.001, 1.001, std::numeric_limits<double>::quiet_NaN(),
                       std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::infinity()})
    CHECK(x.quantile(q) == std::nullopt);
}

TEST_CASE("a histogram whose lists do not fit is used without harm") {
  stats_reply x;
  x.batch_size.upper_bounds = {1, 1, 5, 3, highest};
  x.batch_size.counts = {2, -7, highest, highest};
  x.commit_latency.counts.clear();
  x.queue_latency.upper_bounds = {lowest};
  x.queue_latency.counts = {1, 2, 3, 4};
  for (auto* each : {&x.batch_size, &x.commit_latency, &x.queue_latency}) {
    each->add(highest);
    each->add(lowest);
    static_cast<void>(each->quantile(1));
  }
  CHECK(x.batch_size.count() == highest);
  CHECK(x.commit_latency.count() == 0);
  CHECK(x.queue_latency.count() == 12);
  CHECK(broken_rule(to_prometheus(x)) == "(none)");
}

// -- messages -----------------------------------------------------------------

TEST_CASE("no number of the sample is its default") {
  const auto check = [](const auto& each) {
    CAPTURE(each.name);
    CHECK_FALSE(busy().*each.member == stats_reply{}.*each.member);
  };
  std::apply([&](const auto&... each) { (check(each), ...); },
             stats_reply::fields());
}

TEST_CASE("a tracker's numbers come back from JSON as they were") {
  for (const auto& x : {stats_reply{}, busy()}) {
    const auto text = to_json_text(x);
    CAPTURE(text);
    CHECK(from_json_text<stats_reply>(text) == x);
  }
  CHECK(from_json_text<get_stats>("{}") == get_stats{});
  CHECK(from_json_text<get_stats>(to_json_text(get_stats{t0}))
        == get_stats{t0});
}

TEST_CASE("a histogram's and a total's JSON have lists and names") {
  histogram x;
  x.upper_bounds = {1, 2};
  x.counts = {3, 4, 5};
  x.sum = 6;
  CHECK(to_json_text(x)
        == R"({"counts":[3,4,5],"sum":6,"upper_bounds":[1,2]})");
  CHECK(from_json_text<histogram>(to_json_text(x)) == x);
  const status_total total{tracking_status::parked, 7};
  CHECK(to_json_text(total) == R"({"operations":7,"status":"Parked"})");
  CHECK(from_json_text<status_total>(to_json_text(total)) == total);
}

TEST_CASE("an error in a histogram's JSON names the whole path") {
  const std::string bound = "\"upper_bounds\":[1,2,";
  auto text = to_json_text(busy());
  const auto place = text.find(bound);
  REQUIRE(place != text.npos);
  text.replace(place, bound.size(), "\"upper_bounds\":[1,\"2\",");
  try {
    static_cast<void>(from_json_text<stats_reply>(text));
    FAIL("a text was taken for a number");
  } catch (const json_error& e) {
    CHECK(e.field() == "batch_size.upper_bounds[1]");
  }
}

TEST_CASE("a question for the numbers with a hostile deadline is refused") {
  CHECK(find_fault(get_stats{}) == std::nullopt);
  for (const auto good : {min_timestamp, t0, max_timestamp})
    CHECK(find_fault(get_stats{good}) == std::nullopt);
  for (const auto bad :
       {lowest, min_timestamp.us() - 1, max_timestamp.us() + 1, highest}) {
    const auto fault = find_fault(get_stats{timestamp{bad}});
    CHECK(fault.value().starts_with("deadline: "));
    // The same words as for every other request.
    CHECK(fault == find_fault(get_counts{timestamp{bad}}));
  }
}

// -- Prometheus ---------------------------------------------------------------

TEST_CASE("a strict reader accepts the text for Prometheus") {
  CHECK(broken_rule(to_prometheus({})) == "(none)");
  CHECK(broken_rule(to_prometheus(busy())) == "(none)");
  for (const auto& each : parse_exposition(to_prometheus(busy()))) {
    CAPTURE(each.name);
    CHECK(each.name.starts_with("waybill_"));
  }
}

TEST_CASE("each number shows in the text for Prometheus") {
  const auto check = [](const auto& each) {
    CAPTURE(each.name);
    auto changed = busy();
    changed.*each.member = stats_reply{}.*each.member;
    CHECK(to_prometheus(changed) != to_prometheus(busy()));
  };
  std::apply([&](const auto&... each) { (check(each), ...); },
             stats_reply::fields());
}

TEST_CASE("requests are counted by what became of them") {
  const auto x = parse_exposition(to_prometheus(busy()));
  CHECK(value_of(x, "waybill_enqueues_total", "inserted") == 101);
  CHECK(value_of(x, "waybill_enqueues_total", "duplicate") == 102);
  CHECK(value_of(x, "waybill_transitions_total", "attempted") == 103);
  CHECK(value_of(x, "waybill_transitions_total", "delivered") == 104);
  CHECK(value_of(x, "waybill_transitions_total", "parked") == 105);
  CHECK(value_of(x, "waybill_transitions_total", "failed") == 106);
  CHECK(value_of(x, "waybill_transitions_total", "discarded") == 107);
  CHECK(value_of(x, "waybill_transitions_total", "already_terminal") == 108);
  CHECK(value_of(x, "waybill_transitions_total", "not_found") == 109);
  CHECK(value_of(x, "waybill_request_errors_total", "refused") == 110);
  CHECK(value_of(x, "waybill_request_errors_total", "not_stored") == 111);
  CHECK(value_of(x, "waybill_request_errors_total", "unknown") == 112);
  CHECK(value_of(x, "waybill_status_questions_total") == 113);
  CHECK(value_of(x, "waybill_purged_operations_total") == 114);
  CHECK(value_of(x, "waybill_batches_total") == 3);
  CHECK(value_of(x, "waybill_restarts_total") == 124);
}

TEST_CASE("what waits and what is stored are gauges") {
  const auto x = parse_exposition(to_prometheus(busy()));
  CHECK(value_of(x, "waybill_waiting_requests") == 115);
  CHECK(value_of(x, "waybill_waiting_bytes") == 116);
  CHECK(value_of(x, "waybill_open_waits") == 117);
  CHECK(value_of(x, "waybill_open_watches") == 118);
  CHECK(value_of(x, "waybill_file_bytes") == 119);
  CHECK(value_of(x, "waybill_file_free_bytes") == 120);
  CHECK(value_of(x, "waybill_wal_bytes") == 121);
  CHECK(value_of(x, "waybill_operations", "Submitted") == 122);
  CHECK(value_of(x, "waybill_operations", "Retrying") == 0);
  CHECK(value_of(x, "waybill_operations", "Parked") == 123);
}

TEST_CASE("times are in seconds to the last microsecond") {
  auto x = busy();
  const auto text = to_prometheus(x);
  CHECK(has_line(text, "waybill_start_time_seconds 1795421730"));
  CHECK(has_line(
    text, "waybill_oldest_in_flight_timestamp_seconds 1795421670.00025"));
  CHECK(has_line(text, "waybill_oldest_parked_timestamp_seconds 1795418130"));
  CHECK(has_line(text, "waybill_purge_lag_seconds 90.000001"));
  CHECK(has_line(text, "waybill_commit_latency_seconds_sum 2.5003"));
  const std::pair<std::int64_t, std::string> values[]
    = {{0, "0"},
       {1, "0.000001"},
       {999'999, "0.999999"},
       {1'000'000, "1"},
       {1'500'000, "1.5"},
       {-1, "-0.000001"},
       {-1'000'000, "-1"},
       {highest, "9223372036854.775807"},
       {lowest, "-9223372036854.775808"}};
  for (const auto& [us, seconds] : values) {
    x.purge_lag_us = us;
    x.since = timestamp{us};
    CAPTURE(us);
    CHECK(has_line(to_prometheus(x), "waybill_purge_lag_seconds " + seconds));
    CHECK(has_line(to_prometheus(x), "waybill_start_time_seconds " + seconds));
    CHECK(broken_rule(to_prometheus(x)) == "(none)");
  }
}

TEST_CASE("a time that is none has no sample") {
  auto x = busy();
  x.oldest_in_flight.reset();
  x.oldest_parked.reset();
  CHECK(to_prometheus(x).find("waybill_oldest_") == std::string::npos);
}

TEST_CASE("buckets are cumulative and in their unit") {
  const auto text = to_prometheus(busy());
  const auto x = parse_exposition(text);
  const std::string commit = "waybill_commit_latency_seconds";
  CHECK(has_line(text, commit + "_bucket{le=\"0.00001\"} 0"));
  CHECK(has_line(text, commit + "_bucket{le=\"0.0001\"} 0"));
  CHECK(has_line(text, commit + "_bucket{le=\"0.0002\"} 2"));
  CHECK(has_line(text, commit + "_bucket{le=\"2\"} 2"));
  CHECK(has_line(text, commit + "_bucket{le=\"5\"} 3"));
  CHECK(has_line(text, commit + "_bucket{le=\"10\"} 3"));
  CHECK(has_line(text, commit + "_bucket{le=\"+Inf\"} 3"));
  CHECK(value_of(x, commit + "_count") == 3);
  CHECK(value_of(x, "waybill_queue_latency_seconds_bucket", "10") == 2);
  CHECK(value_of(x, "waybill_queue_latency_seconds_bucket", "+Inf") == 3);
  CHECK(has_line(text, "waybill_queue_latency_seconds_sum 11.000087"));
  CHECK(value_of(x, "waybill_batch_size_requests_bucket", "1") == 1);
  CHECK(value_of(x, "waybill_batch_size_requests_bucket", "4") == 2);
  CHECK(value_of(x, "waybill_batch_size_requests_bucket", "65536") == 2);
  CHECK(value_of(x, "waybill_batch_size_requests_bucket", "+Inf") == 3);
  CHECK(value_of(x, "waybill_batch_size_requests_sum") == 100'004);
}

TEST_CASE("each target shows with what is kept for it") {
  const auto text = to_prometheus(busy());
  const std::string target = "{target=\"plant \\\"7\\\"\\n\",state=";
  for (const auto& [state, calls] :
       {std::pair{"ready", 125}, std::pair{"scheduled", 126},
        std::pair{"begun", 127}, std::pair{"kept", 129}})
    CHECK(has_line(text, "waybill_target_calls" + target + "\"" + state + "\"} "
                           + std::to_string(calls)));
  for (const auto& [state, bytes] :
       {std::pair{"on_their_way", 128}, std::pair{"kept", 130}})
    CHECK(has_line(text, "waybill_target_bytes" + target + "\"" + state + "\"} "
                           + std::to_string(bytes)));
  CHECK(has_line(text, "waybill_other_targets 131"));
  CHECK(has_line(text, "waybill_paused_targets 132"));
  CHECK(has_line(text, "waybill_target_paused{target=\"plant \\\"7\\\"\\n\"}"
                       " 1"));
  CHECK(has_line(text, "waybill_target_paused{target=\"other\"} 0"));
  // Two of a name, from another node.
  auto twice = busy();
  twice.targets.push_back(twice.targets.front());
  twice.targets.push_back({"\xff"});
  twice.targets.push_back({"\uFFFD"});
  CHECK(broken_rule(to_prometheus(twice)) == "(none)");
}

TEST_CASE("Prometheus is told that what is remembered are calls, unless the "
          "host wants all operations") {
  const auto text = to_prometheus(busy());
  CHECK(has_line(text, "waybill_tombstones 133"));
  CHECK(has_line(text, "# HELP waybill_tombstones Calls that were purged and "
                       "are remembered, and other operations if the host wants "
                       "these, too."));
  auto x = busy();
  x.remembered_since.reset();
  CHECK(to_prometheus(x).find("waybill_remembered_since") == std::string::npos);
}

TEST_CASE("of the health's samples the present state's alone is 1") {
  for (int i = 0; i < num_health_states; ++i) {
    stats_reply x;
    x.health = static_cast<health_state>(i);
    const auto families = parse_exposition(to_prometheus(x));
    for (int k = 0; k < num_health_states; ++k)
      CHECK(value_of(families, "waybill_health",
                     to_string(static_cast<health_state>(k)))
            == (i == k ? 1 : 0));
  }
  CHECK(has_line(to_prometheus({}), "waybill_health{state=\"ok\"} 1"));
}

TEST_CASE("states that this node does not know are shown, each once") {
  stats_reply x;
  x.health = static_cast<health_state>(7);
  x.operations = {{static_cast<tracking_status>(200), 1},
                  {tracking_status::failed, 2},
                  {static_cast<tracking_status>(200), 3},
                  {tracking_status::failed, highest}};
  const auto families = parse_exposition(to_prometheus(x));
  CHECK(value_of(families, "waybill_health", "invalid(7)") == 1);
  CHECK(value_of(families, "waybill_health", "ok") == 0);
  CHECK(value_of(families, "waybill_operations", "invalid(200)") == 4);
  CHECK(has_line(to_prometheus(x), "waybill_operations{status=\"Failed\"} "
                                     + std::to_string(highest)));
}

TEST_CASE("hostile label values are escaped and come back") {
  CHECK(escape_label_value("plain caf\u00e9") == "plain caf\u00e9");
  CHECK(escape_label_value("\\ \" \n") == "\\\\ \\\" \\n");
  std::vector<std::string> texts(odd_texts.begin(), odd_texts.end());
  for (const auto& bad : bad_texts)
    texts.push_back(bad.text);
  for (const auto* const more :
       {"", "\\", "\\n", "\"", "a\"} 1\nb_total 2", "\n\n", "\\\"", "{}=,#"})
    texts.emplace_back(more);
  for (const auto& text : texts) {
    CAPTURE(text);
    const auto line = "a_total{x=\"" + escape_label_value(text) + "\"} 1\n";
    CHECK(std::ranges::count(line, '\n') == 1);
    const auto families = parse_exposition(
      "# HELP a_total Things.\n# TYPE a_total counter\n" + line);
    REQUIRE(families.size() == 1);
    REQUIRE(families[0].samples.size() == 1);
    CHECK(families[0].samples[0].labels.at("x") == sanitize_utf8(text));
  }
}

TEST_CASE("the strict reader refuses texts that break a rule") {
  const std::string sound = "# HELP a_total Things.\n"
                            "# TYPE a_total counter\n"
                            "a_total{x=\"1\",y=\"2\"} 1\n"
                            "a_total{x=\"2\",y=\"2\"} 1.5e3\n"
                            "# HELP b_seconds Times.\n"
                            "# TYPE b_seconds histogram\n"
                            "b_seconds_bucket{le=\"0.5\"} 1\n"
                            "b_seconds_bucket{le=\"+Inf\"} 2\n"
                            "b_seconds_sum 1.5\n"
                            "b_seconds_count 2\n"
                            "# HELP c:d Depth.\n"
                            "# TYPE c:d gauge\n"
                            "c:d -4\n";
  REQUIRE(broken_rule(sound) == "(none)");
  struct change {
    std::string from;
    std::string to;
    std::string rule;
  };
  const change changes[] = {
    {"c:d -4\n", "c:d -4", "the text ends with a newline"},
    {"# HELP a_total Things.\n", "", "HELP is before TYPE"},
    {"# HELP a_total Things.", "# HELP a_total", "HELP has a text"},
    {"# TYPE a_total counter\n", "", "HELP and TYPE are before samples"},
    {"# TYPE b_seconds histogram\n", "", "HELP and TYPE are before samples"},
    {"# TYPE c:d gauge\nc:d -4\n", "", "TYPE follows HELP"},
    {"# HELP b_seconds", "# HELP a_total", "a family comes once"},
    {"TYPE c:d gauge", "TYPE c:d number", "a type is one of three"},
    {"c:d -4\n", "", "a family has samples"},
    {"c:d -4\n", "e -4\n", "samples are below their family"},
    {"c:d -4\n", "c-d -4\n", "a name has letters, digits, _ and :"},
    {"c:d -4\n", "\n", "a name has letters, digits, _ and :"},
    {"c:d -4\n", "c:d  -4\n", "a value is a number"},
    {"c:d -4\n", "c:d -4 1795421730000\n", "a value is a number"},
    {"c:d -4\n", "c:d nan\n", "a value is a number"},
    {"c:d -4\n", "c:d +Inf\n", "a value is finite"},
    {"c:d -4\n", "c:d\n", "a space is before the value"},
    {"c:d -4\n", "c:d -4\nc:d -4\n", "a series comes once"},
    {"c:d -4\n", "c:d{le=\"1\"} -4\n", "only buckets have bounds"},
    {"x=\"2\"", "x=\"1\"", "a series comes once"},
    {"x=\"2\",y=\"2\"", "y=\"2\",x=\"1\"", "a series comes once"},
    {"x=\"2\"", "y=\"2\"", "a sample has a label once"},
    {"x=\"2\"", "2x=\"2\"", "a label's name has letters, digits and _"},
    {"x=\"2\"", "x=2", "a label's value is in quotes"},
    {"x=\"2\"", "x=\"\\t\"", "only three characters are escaped"},
    {"x=\"2\"", "x=\"\"\"", "labels are in braces"},
    {"x=\"2\"", "x=\"\n\"", "a label's value is in quotes"},
    {"x=\"2\"", "x=\"\xff\"", "a label's value is UTF-8"},
    {"} 1.5e3", "} -1", "counters are not negative"},
    {"TYPE c:d gauge", "TYPE c:d counter", "counters are not negative"},
    {"-4\n", "4\n# HELP e Es.\n# TYPE e counter\ne 1\n",
     "counters end in _total"},
    {"counter", "gauge", "gauges have no other type's suffix"},
    {"le=\"0.5\"} 1", "le=\"0.5\"} 3", "buckets are cumulative"},
    {"le=\"0.5\"} 1", "le=\"+Inf\"} 1", "a series comes once"},
    {"b_seconds_bucket{le=\"+Inf\"} 2\n",
     "b_seconds_bucket{le=\"+Inf\"} 2\nb_seconds_bucket{le=\"1\"} 2\n",
     "bounds increase"},
    {"b_seconds_bucket{le=\"+Inf\"} 2\n", "", "the last bucket is +Inf"},
    {"{le=\"0.5\"}", "{x=\"0.5\"}", "a bucket has a bound and no other label"},
    {"b_seconds_sum 1.5\n", "", "the last bucket is +Inf"},
    {"b_seconds_count 2\n", "", "the last bucket is +Inf"},
    {"bucket{le=\"0.5\"}", "bin{le=\"0.5\"}", "buckets come first"},
    {"b_seconds_sum", "b_seconds_sums", "a sum follows"},
    {"b_seconds_count", "b_seconds_counts", "a count follows"},
    {"b_seconds_count 2", "b_seconds_count 3", "the last bucket has the count"},
  };
  for (const auto& [from, to, rule] : changes) {
    auto text = sound;
    const auto place = text.find(from);
    CAPTURE(from, to);
    REQUIRE(place != text.npos);
    text.replace(place, from.size(), to);
    CHECK(broken_rule(text) == rule);
  }
  CHECK(broken_rule("") == "the text ends with a newline");
}
