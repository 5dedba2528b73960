// Why calls were parked or failed, as a page and as JSON.

#include "dashboard/dashboard_fixture.hpp"
#include "waybill/error_list.hpp"

namespace waybill::test {

namespace {

struct error_page_fixture : dashboard_fixture {
  void end_some() {
    record(6);
    end(1, tracking_status::parked, "mes-app-7 <b>refused</b>");
    end(2, tracking_status::parked, "mes-app-12 <b>refused</b>");
    end(3, tracking_status::failed, "422 for order \"WO-7\"");
    end(4, tracking_status::delivered);
  }
};

// Where the n-th row of a table of groups leads, from the first on.
std::string group_link(const dashboard::http_response& x, int n = 0) {
  static const std::regex link{"wrap\"><a href=\"([^\"]*)\""};
  std::sregex_iterator i{x.body.begin(), x.body.end(), link};
  std::advance(i, n);
  return '/' + std::regex_replace((*i)[1].str(), std::regex{"&amp;"}, "&");
}

} // namespace

TEST_CASE_METHOD(error_page_fixture,
                 "the page of errors says how many causes explain them") {
  end_some();
  const auto x = get("/errors");
  CHECK(heading_of(x) == "2 causes explain 3 parked or failed operations");
  CHECK(has(x, "mes-app-<var>n</var> &lt;b&gt;refused&lt;/b&gt;</a>"));
  CHECK(has(x, "422 for order &quot;WO-<var>n</var>&quot;"));
  CHECK_FALSE(has(x, "<b>refused"));
  CHECK(has(x, "All that there is was looked at."));
  CHECK(heading_of(get("/errors?status=failed&finished-since=7d"))
        == "1 cause explains 1 failed operation");
  CHECK(heading_of(get("/errors?group-by=target"))
        == "2 targets explain 3 parked or failed operations");
  CHECK(has(get("/errors?group-by=target&status=failed&http=2xx"),
            "waybill errors --status failed --http 2xx --group-by target"));
}

TEST_CASE_METHOD(error_page_fixture,
                 "a group leads to the operations behind it") {
  end_some();
  const auto list = get(group_link(get("/errors?finished-since=7d")));
  CHECK(list.status == 200);
  CHECK(heading_of(list) == "2 parked operations match");
  // What else was asked for goes on.
  CHECK(has(list, "name=\"error-shape\" value=\"mes-app-# "
                  "&lt;b&gt;refused&lt;/b&gt;\""));
  CHECK(has(list, "--finished-since 7d"));
  // The overview shows the same groups.
  CHECK(get(group_link(get("/"), 1)).status == 200);
}

TEST_CASE_METHOD(error_page_fixture,
                 "empty texts lead to nothing but the operations with them") {
  record(2);
  end(1, tracking_status::failed, "");
  end(2, tracking_status::failed, "422 refused");
  CHECK(heading_of(get(group_link(get("/errors"), 1)))
        == "1 failed operation matches");
  auto x = enqueue(3);
  x.target_summary = "";
  store.record_enqueue(x, at(3));
  end(3, tracking_status::failed);
  CHECK(heading_of(get(group_link(get("/errors?group-by=target"), 1)))
        == "1 failed operation matches");
}

TEST_CASE_METHOD(error_page_fixture, "without errors the page says so") {
  CHECK(heading_of(get("/errors")) == "No parked or failed operations");
  CHECK(has(get("/errors"), "Nothing is parked or failed."));
  record(1);
  CHECK(has(get("/errors?target=x"), "<a href=errors>Show all</a>"));
  CHECK(get("/errors?group-by=kind").status == 400);
  CHECK(get("/errors?cursor=x").status == 400);
  CHECK(get("/errors?open=x").status == 400);
}

TEST_CASE_METHOD(error_page_fixture, "errors are told as JSON") {
  end_some();
  const auto x = get_json("/api/v1/errors?status=parked");
  REQUIRE(x["groups"].size() == 1);
  CHECK(x["groups"][0]["operations"] == 2);
  CHECK(x["groups"][0]["error"] == "mes-app-# <b>refused</b>");
  CHECK(x["groups"][0]["last_id"] == id_of_text(2));
  CHECK(x["next_cursor"].is_null());
  CHECK(
    get_json("/api/v1/errors?group-by=target")["groups"][0]["error"].is_null());
}

TEST_CASE("what differs in a shape looks so, and all else is escaped") {
  CHECK(dashboard::shape_text("<id> of <b>: # <").str()
        == "<var>id</var> of &lt;b&gt;: <var>n</var> &lt;");
  CHECK(dashboard::shape_text("").str().empty());
}

} // namespace waybill::test
