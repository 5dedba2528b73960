// Requests with hostile values are refused, and the reason names the field.

#include <limits>

#include "support/hostile.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr auto huge = std::numeric_limits<std::int64_t>::max();

template <class Request>
std::string fault_of(const Request& x) {
  return find_fault(x).value_or("(none)");
}

bool names(const std::string& fault, std::string_view field) {
  return fault.starts_with(std::string{field} + ": ");
}

// Sets one text field of a request to all that it must refuse and accept.
template <class Request, class Text>
void check_text(Request x, Text Request::*member, const char* field,
                std::size_t max_bytes) {
  CAPTURE(field);
  for (const auto& bad : bad_texts) {
    x.*member = bad.text;
    const auto fault = fault_of(x);
    CAPTURE(fault);
    CHECK(names(fault, field));
    CHECK(fault.find(bad.reason) != std::string::npos);
  }
  for (const auto& odd : odd_texts) {
    x.*member = odd;
    CHECK(fault_of(x) == "(none)");
  }
  x.*member = std::string(max_bytes, 'x');
  CHECK(fault_of(x) == "(none)");
  x.*member = std::string(max_bytes + 1, 'x');
  CHECK(names(fault_of(x), field));
  // Bytes count, not characters.
  x.*member = std::string(max_bytes - 1, 'x') + "\u00e9";
  CHECK(names(fault_of(x), field));
  x.*member = std::string(2 * limits::max_last_error, 'x');
  CHECK(fault_of(x).size() < 200);
}

template <class Request>
void check_id(Request x) {
  CHECK(fault_of(x) == "(none)");
  x.id = {};
  CHECK(names(fault_of(x), "id"));
}

template <class Request, class Time>
void check_time(Request x, Time Request::*member, const char* field) {
  for (const auto good :
       {min_timestamp.us(), std::int64_t{0}, t0.us(), max_timestamp.us()}) {
    x.*member = timestamp{good};
    CHECK(fault_of(x) == "(none)");
  }
  for (const auto bad : {min_timestamp.us() - 1, max_timestamp.us() + 1, huge,
                         std::numeric_limits<std::int64_t>::min()}) {
    x.*member = timestamp{bad};
    CHECK(names(fault_of(x), field));
  }
}

template <class Request>
void check_http_status(Request x) {
  for (const auto good : {100, 200, 404, 599}) {
    x.http_status = good;
    CHECK(fault_of(x) == "(none)");
  }
  x.http_status = std::nullopt;
  CHECK(fault_of(x) == "(none)");
  for (const auto bad : {99, 600, 0, -1, std::numeric_limits<int>::max(),
                         std::numeric_limits<int>::min()}) {
    x.http_status = bad;
    CHECK(names(fault_of(x), "http_status"));
  }
}

} // namespace

TEST_CASE("an enqueue request with a hostile field is refused by name") {
  const auto x = enqueue(1);
  check_id(x);
  check_text(x, &record_enqueue::kind, "kind", limits::max_kind);
  check_text(x, &record_enqueue::target_summary, "target_summary",
             limits::max_target);
  check_text(x, &record_enqueue::source_instance_id, "source_instance_id",
             limits::max_source);
  check_text(x, &record_enqueue::source_script, "source_script",
             limits::max_source);
  check_text(x, &record_enqueue::source_node, "source_node",
             limits::max_source);
  check_time(x, &record_enqueue::deadline, "deadline");
}

TEST_CASE("a kind must not be empty, other texts may be") {
  auto x = enqueue(1, "");
  CHECK(names(fault_of(x), "kind"));
  x = {id_of(1), "k", "", "", "", "", std::nullopt};
  CHECK(fault_of(x) == "(none)");
  x = {id_of(1), "k", {}, {}, {}, {}, std::nullopt};
  CHECK(fault_of(x) == "(none)");
}

TEST_CASE("an attempt with a hostile field is refused by name") {
  auto x = attempt(1, 1);
  check_id(x);
  check_text(x, &record_attempt::last_error, "last_error",
             limits::max_last_error);
  check_http_status(x);
  check_time(x, &record_attempt::deadline, "deadline");
  for (const auto good : {0, std::numeric_limits<int>::max()}) {
    x.retry_count = good;
    CHECK(fault_of(x) == "(none)");
  }
  for (const auto bad : {-1, std::numeric_limits<int>::min()}) {
    x.retry_count = bad;
    CHECK(names(fault_of(x), "retry_count"));
  }
}

TEST_CASE("a terminal report with a hostile field is refused by name") {
  const auto x = terminal(1);
  check_id(x);
  check_text(x, &record_terminal::last_error, "last_error",
             limits::max_last_error);
  check_http_status(x);
  check_time(x, &record_terminal::deadline, "deadline");
}

TEST_CASE("an attempt takes in-flight statuses, the end terminal ones",
          "[contract]") {
  for (int i = 0; i < 256; ++i) {
    const auto status = static_cast<tracking_status>(i);
    CAPTURE(i);
    auto a = attempt(1, 1);
    a.status = status;
    CHECK(find_fault(a).has_value() == !is_in_flight(status));
    auto t = terminal(1, status);
    CHECK(find_fault(t).has_value() == !is_terminal(status));
    auto p = purge_before(t0);
    p.status = status;
    CHECK(find_fault(p).has_value() == !is_terminal(status));
    for (const auto& fault : {find_fault(a), find_fault(t), find_fault(p)})
      CHECK((!fault || names(*fault, "status")));
  }
}

TEST_CASE("reads and purges with a hostile field are refused by name") {
  check_id(status_of(1));
  check_time(status_of(1), &get_status::deadline, "deadline");
  check_time(purge_before(t0), &purge_terminal::older_than, "older_than");
  check_time(purge_before(t0), &purge_terminal::deadline, "deadline");
  check_time(purge_before(t0), &purge_terminal::not_before, "not_before");
  check_time(get_counts{}, &get_counts::deadline, "deadline");
}

TEST_CASE("the reason shows a hostile text escaped and not at length") {
  auto x = enqueue(1, "\x1b[2J\xff" + std::string(100, 'x'));
  const auto fault = fault_of(x);
  CHECK(fault.find('\x1b') == std::string::npos);
  CHECK(fault.find("\\x1B[2J") != std::string::npos);
  CHECK(fault.size() < 200);
}

TEST_CASE("of several faults the first field's is told") {
  record_enqueue x;
  x.source_node = "\xff";
  CHECK(names(fault_of(x), "id"));
  x.id = id_of(1);
  CHECK(names(fault_of(x), "kind"));
  x.kind = "k";
  CHECK(names(fault_of(x), "source_node"));
}
