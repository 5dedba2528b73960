// Embedding waybill: start it in your actor system, record what becomes of an
// operation, ask for it, stop.
//
// Usage: embed [FILE]   (embed.db)

#include <iostream>

#include "waybill/ask.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"

int main(int argc, char** argv) try {
  waybill::actor_config config; // or call register_types() in your own
  caf::actor_system system{config};

  waybill::options options;
  options.file = argc > 1 ? argv[1] : "embed.db";
  auto service = waybill::start(system, options);

  // Each answer comes after COMMIT: what it says survives a crash. Actors send
  // these messages with `waybill::request`; `ask` is for plain threads.
  waybill::record_enqueue enqueue;
  enqueue.id = waybill::tracked_operation_id::generate();
  enqueue.kind = "ExternalSystem.CachedCall";
  enqueue.target_summary = "POST /mes/work-orders/WO-48213/progress";
  ask(system, service.tracker(), enqueue);

  waybill::record_attempt attempt;
  attempt.id = enqueue.id;
  attempt.retry_count = 1;
  attempt.http_status = 503;
  attempt.last_error = "503 Service Unavailable";
  ask(system, service.tracker(), attempt);

  waybill::record_terminal terminal;
  terminal.id = enqueue.id;
  terminal.http_status = 201;
  ask(system, service.tracker(), terminal);

  // Now, after a restart or a week later:
  waybill::get_status question;
  question.id = enqueue.id;
  const auto reply = ask(system, service.status_requests(), question);
  std::cout << to_json_text(reply) << '\n';

  service.stop(); // answers, commits, closes; so does the destructor
  return 0;
} catch (const std::exception& e) {
  std::cerr << "embed: " << e.what() << '\n';
  return 1;
}
