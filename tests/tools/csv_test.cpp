// CSV as RFC 4180 has it.

#include "output/csv.hpp"

#include "support/catch.hpp"
#include "support/hostile.hpp"
#include "support/requests.hpp"
#include "waybill/queries.hpp"

using namespace waybill;
using namespace waybill::cli;

namespace {

// A strict reader: the fields of all records, or an exception.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  for (std::size_t i = 0; i < text.size();) {
    std::string field;
    if (text[i] == '"') {
      for (++i;; ++i) {
        if (text.at(i) == '"' && text.at(i + 1) != '"')
          break;
        i += text[i] == '"' ? 1 : 0;
        field += text[i];
      }
      ++i;
    } else {
      for (; text.at(i) != ',' && text[i] != '\r'; ++i) {
        if (text[i] == '"' || text[i] == '\n')
          throw std::invalid_argument{"a quote or line end outside quotes"};
        field += text[i];
      }
    }
    record.push_back(field);
    if (text.at(i) == ',') {
      ++i;
      continue;
    }
    if (text.compare(i, 2, "\r\n") != 0)
      throw std::invalid_argument{"no comma or line end after a field"};
    i += 2;
    records.push_back(std::move(record));
    record.clear();
  }
  return records;
}

} // namespace

TEST_CASE("a field is quoted if it must be") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a b") == "a b");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"hi\"") == "\"say \"\"hi\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
  CHECK(csv_field("cr\r") == "\"cr\r\"");
  CHECK(csv_field(" edge") == "\" edge\"");
  CHECK(csv_field("") == "\"\"");
}

TEST_CASE("the header names the fields of a snapshot in their order") {
  CHECK(csv_header<tracking_status_snapshot>()
        == "id,kind,target_summary,status,retry_count,last_error,http_status,"
           "created_at,updated_at,terminal_at,source_instance_id,source_script,"
           "source_node\r\n");
}

TEST_CASE("a field without a value is empty and an empty text is not") {
  auto x = test::fresh(1, test::at(0));
  x.target_summary = "";
  x.source_script = std::nullopt;
  CHECK(csv_record(x)
        == to_string(x.id)
             + ",ExternalSystem.CachedCall,\"\",Submitted,0,,,"
               "2026-11-23T08:15:30.000000Z,2026-11-23T08:15:30.000000Z,,"
               "instance-7,,node-a\r\n");
}

TEST_CASE("any text comes back from CSV as it was") {
  std::string all;
  auto x = test::fresh(1, test::at(0));
  for (const auto& text : test::odd_texts) {
    x.last_error = text;
    all += csv_record(x);
  }
  const auto records = read_csv(all);
  REQUIRE(records.size() == test::odd_texts.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    REQUIRE(records[i].size() == 13);
    CHECK(records[i][5] == test::odd_texts[i]);
  }
}

TEST_CASE("a transition and a count have records too") {
  CHECK(csv_header<transition>()
        == "number,id,kind,status,retry_count,last_error,http_status,at\r\n");
  CHECK(csv_record(status_count{"a,b", tracking_status::parked, 3})
        == "\"a,b\",Parked,3\r\n");
}
