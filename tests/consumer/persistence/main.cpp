// A program that uses the installed store without actors.
#include <cstdio>
#include <iostream>

#include "waybill/json.hpp"
#include "waybill/operation_tracking_store.hpp"

int main() {
  for (const char* file : {"consumer.db", "consumer.db-wal", "consumer.db-shm"})
    std::remove(file);
  waybill::operation_tracking_store store{{.file = "consumer.db"}};
  const auto id = waybill::tracked_operation_id::generate();
  const auto now = waybill::timestamp::now();
  store.record_enqueue({.id = id, .kind = "consumer"}, now);
  store.record_terminal({.id = id}, now);
  const auto reply = store.get_status({.id = id}, now);
  std::cout << waybill::to_json_text(reply) << '\n';
  return reply.snapshot
             && reply.snapshot->status == waybill::tracking_status::delivered
           ? 0
           : 1;
}
