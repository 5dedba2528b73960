// Shapes of texts, and groups of errors made from them.

#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/requests.hpp"
#include "waybill/error_queries.hpp"
#include "waybill/json.hpp"
#include "waybill/text_shape.hpp"

using namespace waybill;
using test::at;
using test::id_of;

TEST_CASE("a shape has numbers, ids, addresses and times masked",
          "[text_shape]") {
  const std::vector<std::pair<std::string, std::string>> all{
    {"", ""},
    {"no answer within 2s", "no answer within #s"},
    {"503 Service Unavailable: mes-app-7 is draining",
     "503 Service Unavailable: mes-app-# is draining"},
    {"HTTP 404 after 404 ms", "HTTP 404 after # ms"},
    {"5030 is no status", "# is no status"},
    {"1,204.5 of 7 MiB", "# of # MiB"},
    {"refused by 10.0.0.8:443 (192.168.1.1)",
     "refused by <address> (<address>)"},
    {"1.2.3 is a version", "# is a version"},
    {"[fe80::1]:8080, ::1, 2001:db8:0:0:0:0:2:1",
     "<address>, <address>, <address>"},
    {"std::bad_alloc in db::Add", "std::bad_alloc in db::Add"},
    {"expired on 2026-11-23T08:15:30.25Z", "expired on <time>"},
    {"expired 2026-11-23 08:15 +01:00, or 2026-11-24", "expired <time>, or "
                                                       "<time>"},
    {"no 01932c07-f2a1-7000-8000-0123456789ab", "no <id>"},
    {"at 0x7ffd0a, commit 8e138db9", "at <id>, commit <id>"},
    {"order ABCDEFGH12345678 lacks", "order <id> lacks"},
    {"WO-48215 of Line2", "WO-# of Line#"},
    {"deadbeef cafe", "deadbeef cafe"},
    {" a\n\tb ", " a b "},
    {"Gerät 7 überlastet", "Gerät # überlastet"}};
  for (const auto& [text, shape] : all) {
    CAPTURE(text);
    CHECK(shape_of(text) == shape);
  }
}

TEST_CASE("a shape says of a long text how it begins", "[text_shape]") {
  const std::string begins(max_shaped - 1, 'x');
  CHECK(shape_of(begins + "y") == begins + "y");
  CHECK(shape_of(begins + "yz") == begins + "y…");
  // No character is cut in two.
  CHECK(shape_of(begins + "ü") == begins + "…");
}

namespace {

error_group group_of(std::string error, std::int64_t operations,
                     std::int64_t first, std::int64_t last) {
  error_group x;
  x.kind = "call";
  x.target = "plant";
  x.error = std::move(error);
  x.operations = operations;
  x.first = at(first);
  x.last = at(last);
  x.last_id = id_of(static_cast<std::uint64_t>(last));
  return x;
}

} // namespace

TEST_CASE("what is found later goes with what was found before",
          "[error_queries]") {
  errors_reply x;
  x.groups = {group_of("a", 2, 8, 9), group_of("b", 1, 7, 7)};
  x.operations = 3;
  x.searched = 10;
  x.searched_to = at(7);
  x.next_cursor = "1";
  errors_reply more;
  more.groups = {group_of("b", 3, 1, 6), group_of("c", 1, 5, 5)};
  more.operations = 4;
  more.other_operations = 2;
  more.searched = 20;
  more.searched_to = at(1);
  merge(x, std::move(more));
  auto b = group_of("b", 4, 1, 7);
  CHECK(x.groups
        == std::vector{b, group_of("a", 2, 8, 9), group_of("c", 1, 5, 5)});
  CHECK(x.operations == 7);
  CHECK(x.other_operations == 2);
  CHECK(x.searched == 30);
  CHECK(x.searched_to == at(1));
  CHECK_FALSE(x.next_cursor);
  CHECK(from_json_text<errors_reply>(to_json_text(x)) == x);
}

TEST_CASE("groups have names for what they are made by", "[error_queries]") {
  CHECK(parse_error_grouping(to_string(error_grouping::target))
        == error_grouping::target);
  CHECK_FALSE(parse_error_grouping("kind"));
}
