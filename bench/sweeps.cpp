// Plain figures: throughput by clients and window, latencies, durability.

#include "clients.hpp"
#include "lines.hpp"

namespace waybill::bench {

namespace {

std::string text(double x) {
  char buf[32];
  std::snprintf(buf, sizeof buf, "%.0f", x);
  return buf;
}

} // namespace

// With the library's client, and with a message for each request.
void throughput(bench& b) {
  for (const auto bundled : {true, false}) {
    series x{bundled ? "throughput" : "throughput_single_messages",
             {"clients"},
             {}};
    const std::vector<std::size_t> windows{1, 16, 64};
    for (const auto window : windows)
      x.columns.push_back("window_" + std::to_string(window));
    for (const std::size_t clients : {1U, 4U, 16U, 64U, 256U}) {
      std::vector<std::string> row{std::to_string(clients)};
      for (const auto window : windows) {
        const auto open = static_cast<std::int64_t>(clients * window);
        // About as many rounds whatever is open at a time.
        const auto operations = std::clamp<std::int64_t>(
          open * b.out.pick(100, 400), 1'000, b.out.pick(64'000, 256'000));
        const auto file = b.files.passing();
        running_tracker tracker{file.name()};
        const auto rate = tracker
                            .run({.clients = clients,
                                  .window = window,
                                  .operations = operations,
                                  .bundled = bundled})
                            .rate();
        row.push_back(text(rate));
        b.out.figure(x.name + ".c" + std::to_string(clients) + ".w"
                       + std::to_string(window),
                     rate, "operations/s");
      }
      x.rows.push_back(std::move(row));
    }
    b.out.add(std::move(x));
  }
}

void latency(bench& b) {
  series all{"latency", {"load", "verb", "p50", "p99", "p99_9"}, {}};
  const char* const verbs[] = {"enqueue", "attempt", "terminal", "get_status"};
  struct setting {
    const char* name;
    std::size_t clients;
    std::size_t window;
    std::int64_t operations;
  };
  const setting settings[] = {
    {"1x1", 1, 1, b.out.pick(500, 4'000)},
    {"16x1", 16, 1, b.out.pick(4'000, 32'000)},
    {"64x16", 64, 16, b.out.pick(32'000, 192'000)},
  };
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto& ids = b.files.some_ids(rows, id_kind::v7);
  for (const auto& each : settings) {
    running_tracker tracker{b.files.with_rows(rows, id_kind::v7)};
    load x{.what = mix::lifecycle,
           .clients = each.clients,
           .window = each.window,
           .operations = each.operations,
           .latencies = true};
    auto writes = tracker.run(x);
    x.what = mix::status;
    x.ids = &ids;
    const auto reads = tracker.run(x);
    writes.latencies[3] = reads.latencies[3];
    for (std::size_t verb = 0; verb < 4; ++verb) {
      const auto& us = writes.latencies[verb];
      all.rows.push_back({each.name, verbs[verb], text(percentile(us, 0.5)),
                          text(percentile(us, 0.99)),
                          text(percentile(us, 0.999))});
      const auto name = std::string{"latency."} + each.name + "." + verbs[verb];
      b.out.figure(name + ".p50", percentile(us, 0.5), "µs");
      b.out.figure(name + ".p99", percentile(us, 0.99), "µs");
      b.out.figure(name + ".p99_9", percentile(us, 0.999), "µs");
    }
  }
  b.out.add(std::move(all));
}

void synchronous(bench& b) {
  series all{"synchronous", {"setting", "enqueue", "lifecycle", "single"}, {}};
  const std::pair<const char*, durability> settings[]
    = {{"FULL", durability::full},
       {"NORMAL", durability::normal},
       {"OFF", durability::off}};
  std::vector<std::vector<double>> rates[3];
  for (auto& each : rates)
    each.resize(3);
  for (int i = 0; i < std::min(b.repeats, 3); ++i)
    for (std::size_t s = 0; s < 3; ++s) {
      running_tracker tracker{b.files.fresh(), settings[s].second};
      rates[s][0].push_back(
        tracker.run({.operations = b.out.pick(64'000, 256'000)}).rate());
      rates[s][1].push_back(tracker
                              .run({.what = mix::lifecycle,
                                    .operations = b.out.pick(32'000, 128'000)})
                              .rate());
      rates[s][2].push_back(
        tracker
          .run(
            {.clients = 1, .window = 1, .operations = b.out.pick(300, 2'000)})
          .rate());
    }
  for (std::size_t s = 0; s < 3; ++s) {
    std::vector<std::string> row{settings[s].first};
    for (std::size_t k = 0; k < 3; ++k) {
      row.push_back(text(median(rates[s][k])));
      b.out.figure(std::string{"synchronous."} + settings[s].first + "."
                     + all.columns[k + 1],
                   median(rates[s][k]), "operations/s");
    }
    all.rows.push_back(std::move(row));
  }
  b.out.add(std::move(all));
}

} // namespace waybill::bench
