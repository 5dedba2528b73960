// The tracking store without actors: a transaction, and what became of the
// operations in it. Needs no CAF.
//
// Usage: store_only [FILE]   (store_only.db)

#include <iostream>

#include "waybill/json.hpp"
#include "waybill/operation_tracking_store.hpp"

int main(int argc, char** argv) try {
  waybill::store_options options;
  options.file = argc > 1 ? argv[1] : "store_only.db";
  waybill::operation_tracking_store store{options};

  waybill::record_enqueue enqueue;
  enqueue.id = waybill::tracked_operation_id::generate();
  enqueue.kind = "Database.CachedWrite";
  enqueue.target_summary = "historian.measurement";
  waybill::record_terminal terminal;
  terminal.id = enqueue.id;
  terminal.status = waybill::tracking_status::failed;
  terminal.last_error = "NOT NULL constraint failed: measurement.value";

  // A verb is a transaction of its own, unless it is between these two. The
  // store reads no clock: the time is an argument.
  store.begin();
  store.record_enqueue(enqueue, waybill::timestamp::now());
  store.record_terminal(terminal, waybill::timestamp::now());
  store.commit();

  // Repeating is harmless, and says what it found.
  std::cout
    << to_string(store.record_enqueue(enqueue, waybill::timestamp::now()))
    << '\n'
    << to_string(store.record_terminal(terminal, waybill::timestamp::now()))
    << '\n';

  waybill::get_status question;
  question.id = enqueue.id;
  const auto reply = store.get_status(question, waybill::timestamp::now());
  std::cout << to_json_text(reply) << '\n';
  return 0;
} catch (const waybill::store_error& e) {
  std::cerr << "store_only: " << to_string(e.code()) << ": " << e.what()
            << '\n';
  return 1;
}
