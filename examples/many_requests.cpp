// Many requests under way: a thread records a thousand calls without waiting
// for each, and learns what became of every one. In an actor,
// `tracking_client<Self>` does the same; the actor calls its handlers.
//
// Usage: many_requests [FILE]   (many_requests.db)

#include <iostream>

#include "waybill/service.hpp"
#include "waybill/tracking_client.hpp"

namespace {

struct tally {
  int stored = 0;
  int failed = 0;
};

void record(waybill::blocking_tracking_client& client,
            const waybill::record_enqueue& call, tally& sum, int tries = 3) {
  client.ask(call, [=, &client,
                    &sum](const waybill::outcome<waybill::enqueue_reply>& x) {
    if (x.reply) {
      ++sum.stored; // durable: `inserted`, or `duplicate` if a try before was
      return;
    }
    // Refused, or its fate is unknown: it may be stored. To repeat it then is
    // harmless, as its id is the idempotency key.
    if (tries > 1 && certainty_of(x.why.code) == waybill::certainty::unknown)
      return record(client, call, sum, tries - 1);
    ++sum.failed;
    std::cout << to_string(x.why.code) << ": " << x.why.text << '\n';
  });
}

} // namespace

int main(int argc, char** argv) try {
  waybill::actor_config config;
  caf::actor_system system{config};
  waybill::options options;
  options.file = argc > 1 ? argv[1] : "many_requests.db";
  auto service = waybill::start(system, options);

  tally sum;
  waybill::blocking_tracking_client client{system, service.tracker()};
  for (int i = 0; i < 1'000; ++i) {
    waybill::record_enqueue call;
    call.id = waybill::tracked_operation_id::generate();
    call.kind = i == 500 ? "" : "ExternalSystem.CachedCall";
    record(client, call, sum);
  }
  client.wait_all(); // calls the handlers
  std::cout << sum.stored << " stored, " << sum.failed << " not\n";
  return 0;
} catch (const std::exception& e) {
  std::cerr << "many_requests: " << e.what() << '\n';
  return 1;
}
