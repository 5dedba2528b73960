// A host whose main function is CAF's: CAF_MAIN with waybill's config.
// Whatever goes wrong is thrown, and CAF_MAIN lets it end the program.

#include <caf/exec_main.hpp>

#include <iostream>
#include <stdexcept>

#include "support/temp_dir.hpp"
#include "waybill/ask.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"

void caf_main(caf::actor_system& system, const waybill::actor_config&) {
  const waybill::test::temp_dir dir;
  waybill::options options;
  options.file = dir / "track.db";
  auto running = waybill::start(system, options);
  waybill::record_enqueue call;
  call.id = waybill::tracked_operation_id::generate();
  call.kind = "Database.CachedWrite";
  const auto reply = waybill::ask(system, running.tracker(), call);
  std::cout << to_string(reply) << std::endl;
  if (reply.outcome != waybill::enqueue_outcome::inserted || !running.stop())
    throw std::runtime_error{"the operation was not inserted"};
}

CAF_MAIN()
