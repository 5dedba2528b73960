// Errors in groups, and the operations behind each.

#include "support/store_fixture.hpp"
#include "waybill/error_queries.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct error_fixture : store_fixture {
  store_reader reader{options.file};

  // Ends operation n at `at(n)`.
  void end(std::uint64_t n, tracking_status status,
           std::optional<std::string> error, std::string kind = "call",
           std::optional<std::string> target = "POST /orders/7") {
    auto begun = enqueue(n, std::move(kind));
    begun.target_summary = std::move(target);
    store.record_enqueue(begun, at(0));
    auto ended = terminal(n, status);
    ended.last_error = std::move(error);
    store.record_terminal(ended, at(static_cast<std::int64_t>(n)));
  }

  void end_some() {
    using enum tracking_status;
    end(1, parked, "no answer within 2s");
    end(2, parked, "no answer within 14s", "call", "POST /orders/8");
    end(3, failed, "no answer within 2s");
    end(4, parked, "no answer within 2s", "other");
    end(5, parked, "refused");
    end(6, failed, std::nullopt, "call", std::nullopt);
    end(7, delivered, std::nullopt);
    store.record_enqueue(enqueue(8), at(8));
    store.record_attempt(attempt(8, 1), at(9));
  }

  // How many operations a list with that filter has.
  std::int64_t listed(operation_filter filter) {
    list_operations request;
    request.filter = std::move(filter);
    request.page_size = limits::max_page_size;
    return std::ssize(reader.list(request).operations);
  }
};

operation_filter filter_of(const error_group& x) {
  operation_filter filter;
  filter.statuses = {x.status};
  if (x.kind)
    filter.kinds = {*x.kind};
  filter.target_shape = x.target;
  filter.error_shape = x.error;
  return filter;
}

} // namespace

TEST_CASE_METHOD(error_fixture,
                 "errors that differ in numbers only are one group",
                 "[error_search]") {
  end_some();
  const auto x = reader.list_errors({});
  REQUIRE(x.groups.size() == 5);
  const auto& first = x.groups[0];
  CHECK(first.operations == 2);
  CHECK(first.status == tracking_status::parked);
  CHECK(first.kind == "call");
  CHECK(first.target == "POST /orders/#");
  CHECK(first.error == "no answer within #s");
  CHECK(first.first == at(1));
  CHECK(first.last == at(2));
  CHECK(first.last_id == id_of(2));
  CHECK(first.last_error == "no answer within 14s");
  CHECK(first.last_http_status == 200);
  // Of those that are as large, what happened last comes first.
  CHECK(x.groups[1].last_id == id_of(6));
  CHECK(x.groups[1].target == no_target);
  CHECK(x.groups[1].error == no_error_text);
  CHECK(x.groups[4].last_id == id_of(3));
  CHECK(x.operations == 6);
  CHECK(x.searched == 6); // what was delivered is not looked at
  CHECK(x.searched_to == at(1));
  CHECK(x.other_operations == 0);
  CHECK_FALSE(x.next_cursor);
}

TEST_CASE_METHOD(error_fixture,
                 "a list has exactly the operations behind a group",
                 "[error_search]") {
  end_some();
  for (const auto by : {error_grouping::error, error_grouping::target})
    for (const auto& group :
         reader.list_errors({.filter = {}, .by = by, .cursor = {}}).groups) {
      CAPTURE(group.target, group.error.value_or("any"));
      CHECK(listed(filter_of(group)) == group.operations);
    }
  operation_filter none;
  none.error_shape = "no answer within 2s"; // that is no shape
  CHECK(listed(none) == 0);
  none.error_shape = "refused";
  none.error_contains = "answer";
  CHECK(listed(none) == 0);
}

TEST_CASE_METHOD(error_fixture, "errors are grouped by target alone if wanted",
                 "[error_search]") {
  end_some();
  list_errors request;
  request.by = error_grouping::target;
  const auto x = reader.list_errors(request);
  REQUIRE(x.groups.size() == 3);
  CHECK(x.groups[0].operations == 4);
  CHECK(x.groups[0].target == "POST /orders/#");
  CHECK_FALSE(x.groups[0].kind);
  CHECK_FALSE(x.groups[0].error);
}

TEST_CASE_METHOD(error_fixture, "errors go by the filter of a list",
                 "[error_search]") {
  end_some();
  list_errors request;
  request.filter.terminal_from = at(5);
  CHECK(reader.list_errors(request).operations == 2);
  request.filter = {};
  request.filter.statuses = {tracking_status::retrying};
  const auto retried = reader.list_errors(request);
  REQUIRE(retried.groups.size() == 1);
  CHECK(retried.groups[0].error == "503 Service Unavailable");
  CHECK(retried.groups[0].last == at(9));
  CHECK(retried.searched_to == at(8)); // when it was recorded
  request.filter.kinds.assign(100, "a");
  expect_error(errc::invalid_request, "kinds",
               [&] { reader.list_errors(request); });
}

TEST_CASE_METHOD(error_fixture,
                 "a search that ends by time says how far it came and goes on",
                 "[error_search]") {
  store.begin();
  for (std::uint64_t n = 1; n <= 300; ++n)
    end(n, tracking_status::parked,
        n % 3 == 0 ? "refused" : "no answer within " + std::to_string(n));
  store.commit();
  list_errors request;
  errors_reply found;
  int searches = 0;
  do {
    auto part = reader.list_errors(request, 0us);
    CHECK(part.searched > 0);
    CHECK(part.searched < 300);
    CHECK(part.searched_to == at(301 - found.searched - part.searched));
    merge(found, std::move(part));
    request.cursor = found.next_cursor;
  } while (request.cursor && ++searches < 300);
  CHECK(searches > 0);
  CHECK(found == reader.list_errors({}, 1h));
}

TEST_CASE_METHOD(error_fixture, "groups past the bound are counted, not kept",
                 "[error_search]") {
  const auto most = limits::max_error_groups;
  store.begin();
  for (std::uint64_t n = 1; n <= most + 5; ++n) {
    // Without digits, which would be masked.
    std::string word;
    for (auto rest = n; rest > 0; rest /= 20)
      word += static_cast<char>('g' + rest % 20);
    end(n, tracking_status::failed, word);
  }
  store.commit();
  const auto x = reader.list_errors({}, 1h);
  CHECK(x.groups.size() == most);
  CHECK(x.operations == static_cast<std::int64_t>(most));
  CHECK(x.other_operations == 5);
}
