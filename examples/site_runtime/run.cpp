#include "site_runtime/run.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "input/line_reader.hpp"
#include "site_runtime/endpoint.hpp"
#include "site_runtime/external_system.hpp"
#include "site_runtime/input.hpp"
#include "site_runtime/job.hpp"
#include "site_runtime/output.hpp"
#include "site_runtime/progress.hpp"
#include "site_runtime/remote_database.hpp"
#include "site_runtime/report.hpp"
#include "waybill/ask.hpp"
#include "waybill/service.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

using namespace std::chrono_literals;
using waybill::escape;

volatile std::sig_atomic_t signalled = 0;

// SIGINT and SIGTERM stop a run in order. A second one ends the process at
// once, which loses nothing either.
void handle_signals() {
  struct sigaction action {};
  action.sa_handler = [](int number) {
    if (signalled != 0) {
      std::signal(number, SIG_DFL);
      std::raise(number);
    }
    signalled = 1;
  };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::string find_sample() {
  std::string nearby = "examples/data/calls.jsonl";
  if (std::filesystem::exists(nearby))
    return nearby;
#ifdef WAYBILL_SAMPLE
  if (std::filesystem::exists(WAYBILL_SAMPLE))
    return WAYBILL_SAMPLE;
#endif
  throw usage_error{"no INPUT given, and the sample " + nearby
                    + " is not here"};
}

std::unique_ptr<waybill::cli::line_reader> open_input(const std::string& path) {
  try {
    return std::make_unique<waybill::cli::line_reader>(path, max_line);
  } catch (const std::system_error& e) {
    throw usage_error{"INPUT " + escape(path) + ": " + e.code().message()};
  }
}

// Where calls are read from; null if the database has them.
std::unique_ptr<waybill::cli::line_reader> open_source(arguments& x) {
  if (x.resume) {
    if (!std::filesystem::exists(x.database))
      throw waybill::store_error{waybill::errc::store_unavailable,
                                 x.database + ": no such file"};
    return nullptr;
  }
  if (x.input.empty())
    x.input = find_sample();
  return open_input(x.input);
}

base_url parse_url(const std::string& text) {
  try {
    return base_url::parse(text);
  } catch (const std::invalid_argument& e) {
    throw usage_error{"--endpoint " + std::string{e.what()} + ", but is \""
                      + escape(text) + '"'};
  }
}

waybill::options tracking_options(const arguments& x, progress& view) {
  waybill::options options;
  options.file = x.database;
  // However late the same input comes again: no finished call is made again.
  options.retention_delivered = std::nullopt;
  options.retention_parked = std::nullopt;
  options.retention_failed = std::nullopt;
  options.retention_discarded = std::nullopt;
  options.on_notice = [&view](waybill::severity level,
                              const std::string& text) {
    if (level != waybill::severity::info)
      view.note("waybill: " + text);
  };
  return options;
}

waybill::forward_options forward_options(const arguments& x,
                                         std::string target) {
  waybill::forward_options options;
  options.target = std::move(target);
  options.max_calls = x.max_calls;
  options.max_attempts = x.max_attempts;
  // Whoever kills this wants to see it go on: no payload of it does so.
  options.max_interruptions = x.max_attempts;
  options.first_delay = x.first_delay;
  options.max_delay = x.max_delay;
  options.seed = x.seed;
  return options;
}

waybill::forward_options external_options(const arguments& x) {
  auto options = forward_options(x, "external system");
  options.max_concurrency = x.concurrency;
  options.max_rate = static_cast<double>(x.max_rate);
  const auto percent = x.breaker_percent.value_or(x.endpoint ? 50 : 0);
  options.breaker_failure_ratio = static_cast<double>(percent) / 100;
  return options;
}

waybill::forward_options database_options(const arguments& x) {
  auto options = forward_options(x, "remote database");
  options.max_concurrency = 1;
  return options;
}

endpoint_options own_endpoint_options(const arguments& x) {
  return {.seed = x.seed,
          .latency = x.latency,
          .stall = x.timeout + x.timeout / 4,
          // A stalled request outlives its caller's patience.
          .threads = static_cast<std::size_t>(x.concurrency) * 2 + 2,
          .on_request = {}};
}

void print_beginning(const arguments& x, const std::string& url,
                     const waybill::counts_reply& recorded) {
  status_counts before;
  for (const auto& each : recorded.counts)
    before[each.status] += each.operations;
  std::cerr << "reads     "
            << (x.resume         ? "nothing: goes on with calls that are kept"
                : x.input == "-" ? "standard input"
                                 : escape(x.input))
            << "\ntracks    " << escape(x.database);
  if (before.all() > 0)
    std::cerr << " (" << before.all() << " operations of earlier runs, "
              << before.finished() << " finished)";
  std::cerr << "\nwrites    " << escape(remote_database_file(x.database))
            << "\ncalls     " << escape(url);
  if (!x.endpoint)
    std::cerr << " (its own endpoint; misbehaves from seed " << x.seed << ')';
  std::cerr << "\n\n";
}

// All that was recorded, in that order.
ledger recorded_operations(caf::actor_system& system,
                           const waybill::tracking_actor& tracker) {
  ledger all;
  waybill::list_operations question;
  question.order = waybill::list_order::oldest_first;
  question.page_size = waybill::limits::max_page_size;
  question.full = true;
  std::int64_t number = 0;
  do {
    const auto page = ask(system, tracker, question);
    for (const auto& each : page.operations) {
      all.open(each.id, each.kind, ++number);
      all.update(each);
    }
    question.cursor = page.next_cursor;
  } while (question.cursor);
  return all;
}

// Where those that were not waited for stand, the closed store tells.
void settle_accounts(const arguments& x, ledger& accounts) {
  if (accounts.num_open() == 0)
    return;
  waybill::store_reader store{x.database};
  for (const auto& id : accounts.first_open(accounts.num_open()))
    if (const auto reply
        = store.get_status({.id = id, .deadline = std::nullopt});
        reply.snapshot)
      accounts.update(*reply.snapshot);
}

// Attempts that run now; 0 if that cannot be found out.
std::int64_t running_attempts(caf::actor_system& system,
                              const waybill::store_and_forward_actor& actor) {
  try {
    return ask(system, actor, waybill::get_backlog{}, 1s).delivering;
  } catch (const waybill::request_error&) {
    return 0;
  }
}

// To whoever has pressed Ctrl-C while a server is slow.
std::string waiting_text(std::int64_t attempts) {
  return "Interrupted: waits for "
         + (attempts == 0 ? std::string{"what is under way"}
            : attempts == 1
              ? std::string{"an attempt that is running"}
              : std::to_string(attempts) + " attempts that are running")
         + ". Again to end at once: nothing is lost.";
}

void print_hint(const arguments& x, job& work, bool was_stopped) {
  const auto counts = work.accounts().counts();
  const auto database
    = x.database == arguments{}.database ? "" : " --db " + escape(x.database);
  if (was_stopped)
    std::cerr << "Interrupted with " << counts.in_flight()
              << " operations in flight. To go on, run it again with "
              << (work.has_handed_over() ? "--resume"
                                         : "the same database "
                                           "and input")
              << ".\n";
  else if (x.resume && counts.in_flight() > 0)
    std::cerr << "No calls are kept of operations in flight: "
              << counts.in_flight()
              << ". To have them made, run it again with their input.\n";
  else if (work.finished_before() > 0 && work.finished_before() == counts.all())
    std::cerr << "An earlier run had finished all of it. To start anew, name "
                 "another file with --db.\n";
  else if (counts.all() > 0)
    std::cerr << "Ask for one of them: site_runtime" << database
              << " --status ID\n";
}

} // namespace

exit_code run(const arguments& given) {
  auto x = given;
  const auto source = open_source(x);
  auto url = x.endpoint ? parse_url(*x.endpoint) : base_url{};
  handle_signals();

  // Before the actors, some of which report to it.
  progress view{terminal::of(STDERR_FILENO)};
  waybill::actor_config config;
  caf::actor_system system{config};
  std::unique_ptr<endpoint> own_endpoint;
  // First: if another run holds the database, nothing else must be touched.
  auto service = waybill::start(system, tracking_options(x, view));

  if (!x.endpoint) {
    own_endpoint = std::make_unique<endpoint>(own_endpoint_options(x));
    url.origin = own_endpoint->url();
  }
  print_beginning(x, url.origin + url.prefix,
                  ask(system, service.tracker(), waybill::get_counts{}));

  // Before anything goes on.
  auto known = x.resume ? recorded_operations(system, service.tracker())
                        : ledger{};
  const auto external = std::make_shared<external_system>(
    url, x.timeout,
    [&system, tracker = service.tracker()](const auto& id) -> std::int64_t {
      const auto reply
        = ask(system, tracker,
              waybill::get_status{.id = id, .deadline = std::nullopt});
      return reply.snapshot ? reply.snapshot->retry_count : 0;
    });
  const auto remote
    = std::make_shared<remote_database>(remote_database_file(x.database));
  const job_actors actors{
    .tracker = service.tracker(),
    .external = service.spawn_store_and_forward(
      external_options(x),
      [external](const auto& call) { return external->deliver(call); }),
    .database = service.spawn_store_and_forward(database_options(x),
                                                [remote](const auto& call) {
                                                  return remote->deliver(call);
                                                })};
  job work{system, actors, view, x.rate, std::move(known)};
  const auto stop_asked_for = [] { return signalled != 0; };
  if (source)
    work.work(*source, stop_asked_for);
  else
    work.go_on(stop_asked_for);

  const auto was_stopped = signalled != 0;
  if (was_stopped)
    view.note(waiting_text(running_attempts(system, actors.external)
                           + running_attempts(system, actors.database)));
  const auto is_clean = service.stop();
  settle_accounts(x, work.accounts());
  view.finish(work.final_figures());
  const auto error = write_all(
    STDOUT_FILENO, render_report(work.accounts(), terminal::of(STDOUT_FILENO),
                                 source ? "line" : "no.")
                     + render_totals(work.accounts()) + '\n');
  print_hint(x, work, was_stopped);
  if (!is_clean)
    std::cerr << "If attempts are still running, this ends when they do, or "
                 "at Ctrl-C.\n";
  if (was_stopped)
    return exit_code::interrupted;
  if (error == 0)
    return exit_code::finished;
  // Nobody who closes a pipe wants to hear about it.
  if (error != EPIPE)
    std::cerr << "site_runtime: standard output: " << std::strerror(error)
              << '\n';
  return exit_code::output_failed;
}

} // namespace site_runtime
