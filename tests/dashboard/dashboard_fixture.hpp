// A store and what is answered about it, without a network.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "support/store_fixture.hpp"
#include "waybill/router.hpp"

namespace waybill::test {

struct dashboard_fixture : store_fixture {
  dashboard::site about = plain_site();

  static dashboard::site plain_site() {
    dashboard::site x;
    x.name = "ops.db";
    x.version = "1.2.3";
    x.where = zone::utc;
    x.now = [] { return at(100'000); };
    return x;
  }

  dashboard::http_response get(const std::string& target,
                               dashboard::http_request x = {}) {
    const auto mark = target.find('?');
    x.path = target.substr(0, mark);
    if (mark != std::string::npos)
      x.query = dashboard::parse_parameters(target.substr(mark + 1));
    if (!x.host)
      x.host = "127.0.0.1:8080";
    return dashboard::router{about, options.file}.answer(x);
  }

  nlohmann::json get_json(const std::string& target) {
    const auto x = get(target);
    CAPTURE(target, x.body);
    CHECK(x.type == "application/json");
    return nlohmann::json::parse(x.body);
  }

  void record(std::uint64_t count) {
    store.begin();
    for (std::uint64_t n = 1; n <= count; ++n)
      store.record_enqueue(enqueue(n), at(static_cast<std::int64_t>(n)));
    store.commit();
  }

  void end(std::uint64_t n, tracking_status status,
           std::optional<std::string> error = std::nullopt) {
    auto x = terminal(n, status);
    x.last_error = std::move(error);
    store.record_terminal(x, at(1'000 + static_cast<std::int64_t>(n)));
  }

  /// Three that ended, one that is retried, one that waits.
  void record_some() {
    record(5);
    store.record_attempt(attempt(1, 1), at(50));
    end(1, tracking_status::parked, "503 <b>busy</b>");
    end(2, tracking_status::failed, "422 refused");
    end(3, tracking_status::delivered);
    store.record_attempt(attempt(4, 2), at(60));
  }
};

inline bool has(const dashboard::http_response& x, const std::string& text) {
  return x.body.find(text) != std::string::npos;
}

inline std::string heading_of(const dashboard::http_response& x) {
  const auto begin = x.body.find("<h1>") + 4;
  const auto text = x.body.substr(begin, x.body.find("</h1>") - begin);
  return std::regex_replace(text, std::regex{"<[^>]*>"}, "");
}

inline std::string id_of_text(std::uint64_t n) {
  return to_string(id_of(n));
}

// Where a link with that `rel` leads; empty if there is none.
inline std::string link_of(const dashboard::http_response& x,
                           const std::string& rel) {
  std::smatch found;
  if (!std::regex_search(x.body, found,
                         std::regex{"rel=" + rel + " href=\"([^\"]*)\""}))
    return "";
  return '/' + std::regex_replace(found[1].str(), std::regex{"&amp;"}, "&");
}

} // namespace waybill::test
