// What is recorded comes back field by field, and what must not be recorded
// leaves no trace.

#include <limits>

#include "support/hostile.hpp"
#include "support/store_fixture.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Records `x` and reads it back, before and after a restart.
void check_round_trip(store_fixture& f, const record_enqueue& x) {
  f.store.record_enqueue(x, at(0));
  const tracking_status_snapshot expected{x.id,
                                          x.kind,
                                          x.target_summary,
                                          tracking_status::submitted,
                                          0,
                                          {},
                                          {},
                                          at(0),
                                          at(0),
                                          {},
                                          x.source_instance_id,
                                          x.source_script,
                                          x.source_node};
  CHECK(f.store.get_status({x.id, {}}, at(0)).snapshot == expected);
  f.restart();
  CHECK(f.store.get_status({x.id, {}}, at(0)).snapshot == expected);
}

} // namespace

TEST_CASE_METHOD(
  store_fixture,
  "a snapshot holds each optional text, or none, or an empty one",
  "[contract]") {
  check_round_trip(*this, enqueue(1));
  check_round_trip(*this, {id_of(2), "k", {}, {}, {}, {}, {}});
  check_round_trip(*this, {id_of(3), "k", "", "", "", "", {}});
  check_round_trip(*this, {id_of(4), "k", "only", {}, {}, {}, {}});
  check_round_trip(*this, {id_of(5), "k", {}, "only", {}, {}, {}});
  check_round_trip(*this, {id_of(6), "k", {}, {}, "only", {}, {}});
  check_round_trip(*this, {id_of(7), "k", {}, {}, {}, "only", {}});
  // The same text in every field is a name of its own in each.
  check_round_trip(*this, {id_of(8), "x", "x", "x", "x", "x", {}});
}

TEST_CASE_METHOD(store_fixture, "every kind of id is kept exactly") {
  std::uint64_t low = 0;
  for (const auto high :
       {0ULL, 1ULL, 0x8000'0000'0000'0000ULL, 0x0102'0304'0506'0708ULL, ~0ULL})
    check_round_trip(*this,
                     {{high, high == 0 ? 1 : ~low++}, "k", {}, {}, {}, {}, {}});
  CHECK(total() == 5);
  // Ids that differ in one byte are two.
  CHECK(store.get_status({{0, 2}, {}}, at(0)).snapshot == std::nullopt);
}

TEST_CASE_METHOD(store_fixture,
                 "odd texts are stored and read as they are, errors tidied") {
  std::uint64_t n = 1;
  for (const auto& odd : odd_texts) {
    check_round_trip(*this, {id_of(n), odd, odd, odd, odd, odd, {}});
    store.record_attempt({id_of(n), tracking_status::retrying, 1, odd, {}, {}},
                         at(1));
    CHECK(snapshot_of(n).value().last_error == tidy(odd));
    store.record_terminal({id_of(n), tracking_status::failed, odd, {}, {}},
                          at(2));
    CHECK(snapshot_of(n).value().last_error == tidy(odd));
    ++n;
  }
}

TEST_CASE_METHOD(store_fixture, "texts and numbers at their limits are kept") {
  check_round_trip(*this,
                   {id_of(1), std::string(limits::max_kind, 'k'),
                    std::string(limits::max_target, 't'),
                    std::string(limits::max_source, 'i'),
                    std::string(limits::max_source, 's'),
                    std::string(limits::max_source, 'n'), max_timestamp});
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  store.record_attempt({id_of(1), tracking_status::retrying, most, "", 100,
                        max_timestamp},
                       max_timestamp);
  const auto x = snapshot_of(1).value();
  CHECK(x.retry_count == most);
  CHECK(x.last_error == "");
  CHECK(x.http_status == 100);
  CHECK(x.updated_at == max_timestamp);
}

TEST_CASE_METHOD(store_fixture,
                 "a request with a hostile field stores nothing and names it",
                 "[promise-3]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = content();
  const auto counts = store.get_counts();
  const auto refused = [&](std::string_view field, const auto& verb) {
    expect_error(errc::invalid_request, field, verb);
    // The same in a transaction that others share.
    store.begin();
    expect_error(errc::invalid_request, field, verb);
    CHECK(store.in_transaction());
    store.commit();
  };
  const auto enqueue_with = [&](auto member, const auto& value, auto field) {
    auto x = enqueue(2);
    x.*member = value;
    refused(field, [&] { store.record_enqueue(x, at(1)); });
  };
  const auto attempt_with = [&](auto member, const auto& value, auto field) {
    auto x = attempt(1, 1);
    x.*member = value;
    refused(field, [&] { store.record_attempt(x, at(1)); });
  };
  const auto terminal_with = [&](auto member, const auto& value, auto field) {
    auto x = terminal(1);
    x.*member = value;
    refused(field, [&] { store.record_terminal(x, at(1)); });
  };
  const timestamp too_late{max_timestamp.us() + 1};
  const auto no_status = static_cast<tracking_status>(200);
  std::vector<std::string> texts{std::string(limits::max_last_error + 1, 'x')};
  for (const auto& bad : bad_texts)
    texts.push_back(bad.text);
  for (const auto& text : texts) {
    enqueue_with(&record_enqueue::kind, text, "kind");
    enqueue_with(&record_enqueue::target_summary, text, "target_summary");
    enqueue_with(&record_enqueue::source_instance_id, text,
                 "source_instance_id");
    enqueue_with(&record_enqueue::source_script, text, "source_script");
    enqueue_with(&record_enqueue::source_node, text, "source_node");
    attempt_with(&record_attempt::last_error, text, "last_error");
    terminal_with(&record_terminal::last_error, text, "last_error");
  }
  enqueue_with(&record_enqueue::kind, "", "kind");
  enqueue_with(&record_enqueue::id, tracked_operation_id{}, "id");
  enqueue_with(&record_enqueue::deadline, too_late, "deadline");
  attempt_with(&record_attempt::id, tracked_operation_id{}, "id");
  attempt_with(&record_attempt::status, no_status, "status");
  attempt_with(&record_attempt::retry_count, -1, "retry_count");
  attempt_with(&record_attempt::http_status, 99, "http_status");
  attempt_with(&record_attempt::http_status, -200, "http_status");
  terminal_with(&record_terminal::status, no_status, "status");
  terminal_with(&record_terminal::http_status, 600, "http_status");
  refused("id", [&] { store.get_status({}, at(1)); });
  refused("older_than",
          [&] { store.purge_terminal(purge_before(too_late), at(1)); });
  refused("status", [&] {
    store.purge_terminal({at(1), tracking_status::retrying, {}}, at(1));
  });
  CHECK(content() == before);
  CHECK(store.get_counts() == counts);
}

TEST_CASE("a last error is stored without line ends at its end, and without "
          "control characters",
          "[contract]") {
  const temp_dir dir;
  auto options = options_for(dir / "ops.db");
  options.last_error_cap = 64;
  operation_tracking_store store{options};
  store.record_enqueue(enqueue(1), at(0));
  const auto stored = [&](const std::string& text) {
    store.record_attempt({id_of(1), tracking_status::retrying, 1, text, {}, {}},
                         at(1));
    return store.get_status(status_of(1), at(1)).snapshot->last_error.value();
  };
  CHECK(stored("HTTP/1.1 503\r\nRetry-After: 5\r\n\r\n")
        == "HTTP/1.1 503\nRetry-After: 5");
  CHECK(stored("\tat f()\n\tat g() \t\n") == "\tat f()\n\tat g()");
  CHECK(stored("a\x1b[31mb\x07"
               "c\x7f"
               "d\u0085e\rf")
        == "a [31mb c d e f");
  CHECK(stored("\r\n").empty());
  // Nothing is shortened for what is not stored.
  CHECK(stored(std::string(64, 'x') + "\r\n") == std::string(64, 'x'));
  // Reports are repeated; the history has each once.
  const auto transitions = [&] {
    return store_reader{{.file = dir / "ops.db", .vfs = {}}}
      .get_history({id_of(1), std::nullopt})
      .transitions.size();
  };
  const auto before = transitions();
  CHECK(stored(std::string(64, 'x') + "\n") == std::string(64, 'x'));
  CHECK(transitions() == before);
  // A terminal report goes through the same door, and a restored one.
  store.record_terminal({id_of(1), tracking_status::failed, "gone\r\n", {}, {}},
                        at(2));
  auto record
    = operation_record{*store.get_status(status_of(1), at(2)).snapshot, {}};
  CHECK(record.snapshot.last_error == "gone");
  record.snapshot.id = id_of(2);
  record.snapshot.last_error = "gone\r\n";
  store.restore(record);
  CHECK(store.get_status(status_of(2), at(2)).snapshot->last_error == "gone");
}

TEST_CASE("a long last error is shortened between two characters, with a mark",
          "[contract]") {
  const temp_dir dir;
  auto options = options_for(dir / "ops.db");
  options.last_error_cap = 64;
  operation_tracking_store store{options};
  store.record_enqueue(enqueue(1), at(0));
  const auto stored = [&](const std::string& text) {
    store.record_attempt({id_of(1), tracking_status::retrying, 1, text, {}, {}},
                         at(1));
    return store.get_status(status_of(1), at(1)).snapshot->last_error.value();
  };
  CHECK(stored(std::string(64, 'x')) == std::string(64, 'x'));
  const auto room = 64 - truncation_mark.size();
  CHECK(stored(std::string(65, 'x'))
        == std::string(room, 'x') + std::string{truncation_mark});
  // The cut would go through a character of three bytes: it goes as a whole.
  CHECK(stored(std::string(room - 1, 'x') + "\u20ac" + std::string(64, 'y'))
        == std::string(room - 1, 'x') + std::string{truncation_mark});
  // A terminal report shortens too, from the longest that is accepted.
  store.record_terminal({id_of(1),
                         tracking_status::failed,
                         std::string(limits::max_last_error, 'x'),
                         {},
                         {}},
                        at(2));
  CHECK(store.get_status(status_of(1), at(2)).snapshot->last_error
        == std::string(room, 'x') + std::string{truncation_mark});
}
