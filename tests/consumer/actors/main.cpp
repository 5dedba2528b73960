// A program that runs the installed tracker in an actor system of its own.
#include <cstdio>
#include <iostream>

#include "waybill/ask.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"

int main() {
  for (const char* file : {"consumer.db", "consumer.db-wal", "consumer.db-shm"})
    std::remove(file);
  waybill::actor_config config;
  caf::actor_system system{config};
  auto service = waybill::start(system, {.file = "consumer.db"});
  waybill::record_enqueue enqueue;
  enqueue.id = waybill::tracked_operation_id::generate();
  enqueue.kind = "consumer";
  waybill::ask(system, service.tracker(), enqueue);
  waybill::get_status question;
  question.id = enqueue.id;
  const auto reply = waybill::ask(system, service.status_requests(), question);
  std::cout << waybill::to_json_text(reply) << '\n';
  return service.stop() && reply.snapshot ? 0 : 1;
}
