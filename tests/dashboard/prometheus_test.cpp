// The alert rules and the Grafana dashboard in docs/prometheus: all that they
// ask Prometheus for is exported.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashboard/dashboard_fixture.hpp"
#include "support/calls.hpp"
#include "support/exposition.hpp"
#include "waybill/health_findings.hpp"

namespace waybill::test {

namespace {

std::string text_in_tree(const std::string& name) {
  return read_file(std::filesystem::path{WAYBILL_SOURCE_DIR} / name);
}

// -- what is exported ---------------------------------------------------------

using label_set = std::set<std::string>;

// Names of samples, their labels and the values that these have.
using exported_names = std::map<std::string, std::map<std::string, label_set>>;

void add_names(exported_names& to, std::string_view text) {
  for (const auto& each : parse_exposition(text))
    for (const auto& [name, labels, value] : each.samples) {
      auto& known = to[name];
      for (const auto& [label, label_value] : labels)
        known[label].insert(label_value);
    }
}

// A service that has something to tell in each field.
dashboard::service_facts full_service() {
  stats_reply x;
  x.oldest_in_flight = at(1);
  x.oldest_parked = at(2);
  x.remembered_since = at(3);
  x.targets.emplace_back().name = "plant";
  dashboard::service_facts facts;
  facts.stats = std::move(x);
  return facts;
}

struct exported_fixture : dashboard_fixture {
  exported_names exported;

  // A store at rest and one whose service runs.
  exported_fixture() {
    record_some();
    store.calls().open_target({"plant", {}, 3, {}}, at(0));
    store.calls().take(take_of(9), at(1));
    store.calls().pause({"plant", "anna", "update"}, at(2));
    add_names(exported, get("/metrics").body);
    about.ask_service = [] { return std::optional{full_service()}; };
    add_names(exported, get("/metrics").body);
  }
};

// -- expressions --------------------------------------------------------------

// Those that Prometheus adds to all that it scrapes.
const label_set scraped_labels = {"instance", "job"};
// Their values are anybody's.
const label_set free_labels = {"instance", "job", "kind", "target"};
// What an expression may have besides metrics. Of a word that is not here it
// cannot be told whether it is misspelt.
const std::set<std::string, std::less<>> known_words
  = {"and",      "count",         "delta", "histogram_quantile",
     "increase", "max_over_time", "min",   "or",
     "rate",     "sum",           "time",  "topk",
     "unless"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view word) {
  return std::ranges::all_of(word,
                             [](char c) { return is_digit(c) || c == '.'; });
}

// Reads a query as far as names go, and throws for one that is not exported.
class query_reader {
public:
  query_reader(const exported_names& exported, std::string_view text)
    : exported_{exported}, rest_{text} {
    while (skip_spaces(), !rest_.empty())
      read_next();
    must(depth_ == 0, "parentheses match");
    must(!metrics_.empty(), "a query asks for something");
    for (const auto& each : grouping_)
      must(labels_.contains(each), "no metric of it has the label " + each);
  }

  // Which labels its result may have.
  [[nodiscard]] label_set labels_left() const {
    auto left = kept_.empty() ? labels_ : kept_;
    for (const auto& each : dropped_)
      left.erase(each);
    return left;
  }

private:
  void skip_spaces() {
    while (take(rest_, " "))
      ;
  }

  std::string take_word() {
    const auto end = std::ranges::find_if_not(rest_, [](char c) {
      return is_letter(c) || is_digit(c) || c == '.';
    });
    const std::string word{rest_.begin(), end};
    rest_.remove_prefix(word.size());
    return word;
  }

  void read_next() {
    constexpr std::string_view operators = "+-*/<>=!,";
    if (take(rest_, "(")) {
      ++depth_;
    } else if (take(rest_, ")")) {
      must(--depth_ >= 0, "parentheses match");
    } else if (take(rest_, "[")) {
      must(!take_until(rest_, "]").empty(), "a range has a length");
      must(take(rest_, "]"), "a range ends");
    } else if (operators.find(rest_.front()) != operators.npos) {
      rest_.remove_prefix(1);
    } else {
      read_word();
    }
  }

  void read_word() {
    const auto word = take_word();
    must(!word.empty(), "no query has \"" + std::string{rest_} + '"');
    if (word.starts_with("waybill_"))
      read_metric(word);
    else if (word == "by")
      read_grouping(&kept_);
    else if (word == "without")
      read_grouping(&dropped_);
    else if (word == "on" || word == "ignoring")
      read_grouping(nullptr);
    else
      must(known_words.contains(word) || is_number(word),
           "the word is not known: " + word);
  }

  void read_grouping(label_set* to) {
    skip_spaces();
    must(take(rest_, "("), "labels are in parentheses");
    do {
      skip_spaces();
      const auto label = take_word();
      grouping_.insert(label);
      if (to != nullptr)
        to->insert(label);
      skip_spaces();
    } while (take(rest_, ","));
    must(take(rest_, ")"), "labels are in parentheses");
  }

  void read_metric(const std::string& name) {
    const auto metric = exported_.find(name);
    must(metric != exported_.end(), "not exported: " + name);
    metrics_.insert(name);
    labels_.insert(scraped_labels.begin(), scraped_labels.end());
    for (const auto& [label, values] : metric->second)
      labels_.insert(label);
    if (!take(rest_, "{"))
      return;
    do {
      read_matcher(metric->second);
    } while (take(rest_, ","));
    must(take(rest_, "}"), "matchers are in braces");
  }

  void read_matcher(const std::map<std::string, label_set>& labels) {
    const auto label = take_word();
    const auto known = labels.find(label);
    must(known != labels.end() || scraped_labels.contains(label),
         "the metric has no label " + label);
    const bool is_regex = take(rest_, "=~") || take(rest_, "!~");
    must(is_regex || take(rest_, "!=") || take(rest_, "="),
         "a label is compared");
    const auto wanted = take_label_value(rest_);
    if (free_labels.contains(label))
      return;
    std::string_view left = wanted;
    do {
      const auto value = is_regex ? take_until(left, "|") : wanted;
      must(known->second.contains(value),
           "the label " + label + " is never " + value);
    } while (is_regex && take(left, "|"));
  }

  const exported_names& exported_;
  std::string_view rest_;
  int depth_ = 0;
  std::set<std::string> metrics_;
  label_set labels_;   // of these metrics
  label_set grouping_; // that results are made or matched by
  label_set kept_;
  label_set dropped_;
};

// What is wrong with a query, or with a text that shows `labels` of its result.
std::string fault_of(const exported_names& exported, std::string_view query,
                     const label_set& labels = {}) {
  try {
    const auto left = query_reader{exported, query}.labels_left();
    for (const auto& each : labels)
      must(left.contains(each), "its result has no label " + each);
  } catch (const bad_exposition& e) {
    return e.what();
  }
  return "(none)";
}

// What `word` captures, wherever it is found.
label_set captures_of(const std::string& text, const std::regex& word) {
  label_set found;
  for (std::sregex_iterator i{text.begin(), text.end(), word}, end; i != end;
       ++i)
    found.insert((*i)[1]);
  return found;
}

// -- the files ----------------------------------------------------------------

using alert_fields = std::map<std::string, std::string>;

// Of the YAML that there is only what the file needs: a field a line, and `>-`
// with its text below.
std::vector<alert_fields> read_alerts(const std::string& text) {
  std::vector<alert_fields> alerts;
  std::string* open = nullptr;
  std::size_t open_at = 0;
  std::string_view left = text;
  while (!left.empty()) {
    auto line = take_until(left, "\n");
    take(left, "\n");
    must(line.find('\t') == line.npos, "YAML has no tabs");
    auto indent = line.find_first_not_of(' ');
    if (indent == line.npos || line[indent] == '#')
      continue;
    if (open != nullptr && indent > open_at) {
      open->append(open->empty() ? "" : " ").append(line, indent);
      continue;
    }
    open = nullptr;
    line.erase(0, indent);
    if (line.starts_with("- alert: ")) {
      line.erase(0, 2);
      indent += 2;
      alerts.emplace_back();
    }
    if (alerts.empty())
      continue;
    const auto colon = line.find(':');
    must(colon != line.npos, "a line has a field: " + line);
    auto& field = alerts.back()[line.substr(0, colon)];
    must(field.empty(), "a field comes once: " + line);
    const auto value = line.substr(std::min(colon + 2, line.size()));
    if (value == ">-") {
      open = &field;
      open_at = indent;
      continue;
    }
    field = value;
    // As it is only plain text it is what it looks like.
    must(value.empty() || is_letter(value.front()) || is_digit(value.front()),
         "a value needs no quotes: " + line);
    must(value.find(": ") == value.npos && value.find(" #") == value.npos,
         "a value needs no quotes: " + line);
  }
  return alerts;
}

std::vector<alert_fields> alerts_in_tree() {
  return read_alerts(text_in_tree("docs/prometheus/alerts.yml"));
}

nlohmann::json grafana_in_tree() {
  return nlohmann::json::parse(text_in_tree("docs/prometheus/grafana.json"));
}

std::string expression_of(const std::string& alert) {
  for (const auto& each : alerts_in_tree())
    if (each.at("alert") == alert)
      return each.at("expr");
  FAIL("no alert " << alert);
  return "";
}

} // namespace

// -- the check ----------------------------------------------------------------

TEST_CASE_METHOD(exported_fixture,
                 "a query for what is not exported is told from others") {
  for (const auto* const good :
       {"waybill_wal_bytes > 1", "time() - waybill_wal_bytes{job=\"x\"}",
        "sum by (outcome, job) (rate(waybill_transitions_total[5m]))",
        "waybill_kind_operations{kind=\"any\",status=~\"Parked|Failed\"}",
        "waybill_commit_latency_seconds_bucket{le=\"0.5\"}"})
    CHECK(fault_of(exported, good) == "(none)");
  const std::pair<const char*, const char*> bad[] = {
    {"waybill_wal_byte > 1", "not exported: waybill_wal_byte"},
    {"waybill_commit_latency_seconds", "not exported: "
                                       "waybill_commit_latency_seconds"},
    {"waybill_health{status=\"ok\"}", "the metric has no label status"},
    {"waybill_operations{kind=\"x\"}", "the metric has no label kind"},
    {"waybill_health{state=\"bad\"}", "the label state is never bad"},
    {"waybill_operations{status=~\"Parked|failed\"}",
     "the label status is never failed"},
    {"sum by (state) (waybill_wal_bytes)", "no metric of it has the label "
                                           "state"},
    {"waybill_wal_bytes or on (target) waybill_file_bytes",
     "no metric of it has the label target"},
    {"wal_bytes > 1", "the word is not known: wal_bytes"},
    {"rates(waybill_batches_total[5m])", "the word is not known: rates"},
    {"rate(waybill_batches_total[5m)", "a range ends"},
    {"rate(waybill_batches_total[5m]", "parentheses match"},
    {"waybill_health{state=\"ok\"", "matchers are in braces"},
    {"waybill_health{state\"ok\"}", "a label is compared"},
    {"time()", "a query asks for something"},
    {"{state=\"ok\"}", "no query has \"{state=\"ok\"}\""},
  };
  for (const auto& [query, fault] : bad) {
    CAPTURE(query);
    CHECK(fault_of(exported, query) == fault);
  }
  CHECK(fault_of(exported, "sum by (job) (waybill_health)", {"state"})
        == "its result has no label state");
  CHECK(fault_of(exported, "sum without (state) (waybill_health)", {"state"})
        == "its result has no label state");
}

// -- alerts -------------------------------------------------------------------

TEST_CASE_METHOD(exported_fixture, "alerts ask for what is exported") {
  static const std::regex shown{"\\$labels\\.(\\w+)"};
  for (const auto& each : alerts_in_tree()) {
    CAPTURE(each.at("alert"));
    CHECK(
      fault_of(exported, each.at("expr"),
               captures_of(each.at("summary") + each.at("description"), shown))
      == "(none)");
  }
}

TEST_CASE("an alert says how bad it is, what is wrong and what tells more") {
  static const std::regex command{"`waybill ([a-z]+)"};
  const auto commands = text_in_tree("docs/cli.md");
  const auto alerts = alerts_in_tree();
  CHECK(alerts.size() >= 10);
  std::set<std::string> names;
  for (const auto& each : alerts) {
    const auto& name = each.at("alert");
    CAPTURE(name);
    CHECK(std::regex_match(name, std::regex{"Waybill[A-Za-z]+"}));
    CHECK(names.insert(name).second);
    CHECK(std::regex_match(each.at("for"), std::regex{"[1-9][0-9]*[mh]"}));
    CHECK(
      (each.at("severity") == "critical" || each.at("severity") == "warning"));
    CHECK(each.at("labels").empty());
    CHECK(each.at("annotations").empty());
    CHECK(each.size() == 8); // these, and
    CHECK_FALSE(each.at("summary").empty());
    const auto named = captures_of(each.at("description"), command);
    CHECK_FALSE(named.empty());
    for (const auto& one : named) {
      CAPTURE(one);
      CHECK(std::regex_search(commands, std::regex{"\n\\| `" + one + "[ `]"}));
    }
  }
}

TEST_CASE("alerts go by the limits of the command, and by defaults") {
  using dashboard::health_limits;
  using std::chrono::seconds;
  CHECK(
    expression_of("WaybillInFlightOld")
      .ends_with(
        " > " + std::to_string(seconds{health_limits::default_age}.count())));
  CHECK(expression_of("WaybillLogLarge")
          .ends_with(" > " + std::to_string(health_limits::default_log)));
  // Of the README's table of options, which is that of the code.
  const auto readme = text_in_tree("README.md");
  for (const std::string option : {"requests", "bytes"}) {
    CAPTURE(option);
    std::smatch found;
    REQUIRE(std::regex_search(readme, found,
                              std::regex{"\\| `max_waiting_" + option
                                         + "` \\| `([0-9]+)`"}));
    const auto most = std::stoll(found[1]) * 4 / 5;
    CHECK(expression_of("WaybillRequestsWait")
            .find("waybill_waiting_" + option + " > " + std::to_string(most))
          != std::string::npos);
  }
}

// -- Grafana ------------------------------------------------------------------

TEST_CASE_METHOD(exported_fixture, "panels ask for what is exported") {
  static const std::regex shown{"\\{\\{(\\w+)\\}\\}"};
  static const std::regex metric{"waybill_\\w+"};
  static const std::regex chosen{
    "waybill_\\w+\\{job=~\"\\$job\",instance=~\"\\$instance\"[,}]"};
  const auto grafana = grafana_in_tree();
  for (const auto& panel : grafana.at("panels"))
    for (const auto& each : panel.at("targets")) {
      const auto query = each.at("expr").get<std::string>();
      CAPTURE(query);
      CHECK(fault_of(exported, query,
                     captures_of(each.value("legendFormat", ""), shown))
            == "(none)");
      // Each heeds the choice of job and instance.
      const auto count = [&](const std::regex& x) {
        return std::distance(
          std::sregex_iterator{query.begin(), query.end(), x}, {});
      };
      CHECK(count(metric) == count(chosen));
    }
  static const std::regex values{"label_values\\((.+), (job|instance)\\)"};
  int variables = 0;
  for (const auto& each : grafana.at("templating").at("list")) {
    if (each.at("type") != "query")
      continue;
    const auto query = each.at("query").at("query").get<std::string>();
    CAPTURE(query);
    std::smatch found;
    REQUIRE(std::regex_match(query, found, values));
    CHECK(found[2].str() == each.at("name").get<std::string>());
    CHECK(fault_of(exported, found[1].str()) == "(none)");
    ++variables;
  }
  CHECK(variables == 2);
}

TEST_CASE("the dashboard for Grafana is whole and of no machine") {
  const auto grafana = grafana_in_tree();
  CHECK(grafana.at("schemaVersion") == 37); // Grafana 9
  CHECK_FALSE(grafana.contains("id"));
  const nlohmann::json source = {{"type", "prometheus"},
                                 {"uid", "${datasource}"}};
  std::set<std::string> variables;
  for (const auto& each : grafana.at("templating").at("list")) {
    variables.insert(each.at("name").get<std::string>());
    if (each.at("type") == "query")
      CHECK(each.at("datasource") == source);
  }
  CHECK(variables == std::set<std::string>{"datasource", "instance", "job"});
  std::set<int> ids;
  std::set<std::pair<int, int>> taken; // of a grid 24 wide
  for (const auto& panel : grafana.at("panels")) {
    CAPTURE(panel.at("title").get<std::string>());
    CHECK(ids.insert(panel.at("id").get<int>()).second);
    CHECK((panel.at("type") == "stat" || panel.at("type") == "timeseries"));
    CHECK(panel.at("datasource") == source);
    CHECK_FALSE(panel.at("description").get<std::string>().empty());
    CHECK(panel.at("fieldConfig").contains("defaults"));
    const auto& place = panel.at("gridPos");
    const auto x = place.at("x").get<int>();
    const auto y = place.at("y").get<int>();
    CHECK(x + place.at("w").get<int>() <= 24);
    for (int i = 0; i < place.at("w").get<int>(); ++i)
      for (int k = 0; k < place.at("h").get<int>(); ++k)
        CHECK(taken.emplace(x + i, y + k).second);
    std::set<std::string> references;
    for (const auto& each : panel.at("targets"))
      CHECK(references.insert(each.at("refId").get<std::string>()).second);
    CHECK_FALSE(references.empty());
  }
}

} // namespace waybill::test
