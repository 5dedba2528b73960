#include "waybill/page_frame.hpp"

#include <array>
#include <chrono>

#include "waybill/assets.hpp"
#include "waybill/list_query.hpp"

namespace waybill::dashboard {

namespace {

struct menu_item {
  menu_entry entry;
  std::string_view path;
  std::string_view name;
};

constexpr std::array menu{menu_item{menu_entry::overview, "./", "Overview"},
                          menu_item{menu_entry::operations, "operations",
                                    "Operations"},
                          menu_item{menu_entry::errors, "errors", "Errors"},
                          menu_item{menu_entry::stuck, "stuck", "Stuck"},
                          menu_item{menu_entry::targets, "targets", "Targets"},
                          menu_item{menu_entry::storage, "storage", "Storage"},
                          menu_item{menu_entry::live, "live", "Live"}};

void add_head(html& page, const page_parts& x, const site& about,
              const std::string& up) {
  page.add("<!doctype html>\n<html lang=en");
  if (about.where == zone::utc)
    page.add(" data-zone=utc");
  page.add(">\n<head>\n<meta charset=utf-8>\n"
           "<meta name=viewport content=\"width=device-width\">\n<title>");
  page.text(x.title).add(" · ").text(about.name).add("</title>\n");
  page.add("<link rel=icon href=\"").text(up).add("assets/");
  page.text(icon_asset.name).add("\">\n<link rel=stylesheet href=\"");
  page.text(up).add("assets/").text(style_asset.name);
  page.add("\">\n<script type=module src=\"").text(up).add("assets/");
  page.text(script_asset.name).add("\"></script>\n");
  if (about.actions)
    page.add("<script type=module src=\"")
      .text(up)
      .add("assets/")
      .text(actions_asset.name)
      .add("\"></script>\n");
  page.add("</head>\n");
}

// How fresh the page is, and whether there is a service.
html freshness(const answer_context& c) {
  html out;
  const auto clock
    = time_text(c.now, c.about.where).substr(std::size("2026-11-23"), 8);
  if (!c.service) {
    const auto written = c.source.last_written();
    out.add("<span class=\"mark rest\" title=\"no service runs on it\">At "
            "rest");
    if (written)
      out.add(", written ").text(compact_age_text(c.now - *written));
    if (written && c.now - *written >= std::chrono::seconds{1})
      out.add(" ago");
    out.add("</span>");
    return out;
  }
  const auto state = c.service->health.state;
  out.add("<span class=\"mark ")
    .text(to_string(state))
    .add("\">")
    .add(state == health_state::ok ? html{}.add("Live ")
                                   : html{}.text(to_string(state)).add(" "))
    .add("<time datetime=\"")
    .text(to_string(c.now))
    .add("\">")
    .text(clock)
    .add("</time></span>");
  return out;
}

void add_header(html& page, const page_parts& x, const site& about,
                const std::string& up, const answer_context* context) {
  page.add("<header><div class=bar>\n<a class=brand href=\"");
  page.text(up.empty() ? "./" : up).add("\">waybill <span>");
  page.text(about.name).add("</span></a>\n<nav aria-label=Pages>");
  for (const auto& item : menu) {
    page.add("<a href=\"").text(up);
    if (up.empty() || item.entry != menu_entry::overview)
      page.text(item.path);
    page.add("\"");
    if (item.entry == x.current)
      page.add(" aria-current=page");
    page.add(">").text(item.name).add("</a>");
  }
  page.add("</nav>\n<div class=now>");
  if (context != nullptr)
    page.add(freshness(*context));
  page.add("</div>\n</div></header>\n");
}

void add_footer(html& page, const site& about, const answer_context* context) {
  page.add("<footer><span>");
  if (context != nullptr)
    page
      .add(about.actions ? html{}.add("acts through the service of ")
                         : html{}.add("read-only on "))
      .text(context->source.file())
      .add(" · ");
  page.add("waybill ").text(about.version).add("</span></footer>\n");
}

} // namespace

std::string way_up(std::string_view path) {
  std::string up;
  if (!path.empty())
    path.remove_prefix(1);
  for (const auto c : path)
    if (c == '/')
      up += "../";
  return up;
}

http_response framed(const site& about, const http_request& asked,
                     const page_parts& x, const answer_context* context) {
  const auto up = way_up(asked.path);
  html page;
  add_head(page, x, about, up);
  page.add("<body>\n");
  add_header(page, x, about, up, context);
  page.add("<main");
  if (x.renews_itself)
    page.add(" data-renew");
  page.add(">\n<div class=answer><div>\n<h1>").add(x.heading).add("</h1>\n");
  page.add(x.lead).add("\n</div>");
  if (!x.acts.empty())
    page.add("<div class=acts>").add(x.acts).add("</div>");
  page.add("</div>\n").add(x.content).add("</main>\n");
  add_footer(page, about, context);
  page.add("</body>\n</html>\n");
  http_response answer;
  answer.body = page.str();
  return answer;
}

html status_mark(tracking_status status) {
  auto shape = to_string(status);
  for (auto& letter : shape)
    letter = static_cast<char>(letter | 0x20);
  return state_mark(shape, to_string(status));
}

html state_mark(std::string_view shape, std::string_view word) {
  html out;
  out.add("<span class=\"mark ").text(shape).add("\">");
  out.text(word).add("</span>");
  return out;
}

html time_mark(timestamp t, const answer_context& c) {
  html out;
  out.add("<time datetime=\"").text(to_string(t)).add("\">");
  out.text(time_text(t, c.about.where)).add("</time>");
  return out;
}

html age_mark(const std::optional<timestamp>& t, const answer_context& c) {
  html out;
  if (!t)
    return out;
  out.add("<time datetime=\"").text(to_string(*t)).add("\" title=\"");
  out.text(time_text(*t, c.about.where)).add("\">");
  out.text(compact_age_text(c.now - *t)).add("</time>");
  return out;
}

html ago_mark(timestamp t, const answer_context& c) {
  auto out = age_mark(t, c);
  if (c.now - t >= std::chrono::seconds{1})
    out.add(" ago");
  return out;
}

html short_id(const tracked_operation_id& id) {
  const auto text = to_string(id);
  html out;
  out.add("<i>").text(text.substr(0, 8)).add("…</i>");
  out.text(text.substr(text.size() - 6));
  return out;
}

html cut_text(const std::optional<std::string>& text) {
  html out;
  if (text)
    out.add("<span title=\"").text(*text).add("\">").text(*text).add("</span>");
  return out;
}

html figure(std::int64_t x) {
  html out;
  if (x == 0)
    out.add("<span class=soft>·</span>");
  else
    out.number(x);
  return out;
}

std::string counted(std::int64_t n, std::string_view one,
                    std::string_view many) {
  return grouped(n) + ' ' + std::string{n == 1 ? one : many};
}

html command_line(const std::string& rest) {
  html out;
  out.add("<code class=command>waybill ").text(rest).add("</code>");
  return out;
}

std::optional<std::string> trouble_of(const target_snapshot& x) {
  struct measure {
    std::string_view bound;
    std::int64_t is;
    const std::optional<std::int64_t>& most;
  };
  constexpr double warned_at = 0.8;
  std::optional<std::string> near;
  for (const auto& each :
       {measure{"max_calls", x.calls, x.max_calls},
        measure{"max_bytes", x.bytes, x.max_bytes},
        measure{"max_kept_calls", x.kept_calls, x.max_kept_calls},
        measure{"max_kept_bytes", x.kept_bytes, x.max_kept_bytes}}) {
    if (!each.most || *each.most < 1)
      continue;
    const auto text = std::string{each.bound} + " is " + grouped(*each.most);
    if (each.is >= *each.most)
      return "takes no calls: " + text;
    if (static_cast<double>(each.is)
        >= warned_at * static_cast<double>(*each.most))
      near = "nearly full: " + text;
  }
  if (x.full)
    return "takes no calls: " + *x.full + " is reached";
  return near;
}

void require_no_parameters(const answer_context& c) {
  if (!c.asked.query.empty())
    throw query_error{"this page takes no parameters"};
}

const target_snapshot* worst_of(const targets_reply& x) {
  const target_snapshot* worst = nullptr;
  for (const auto& each : x.targets)
    if (const auto trouble = trouble_of(each)) {
      if (trouble->starts_with("takes"))
        return &each;
      worst = worst == nullptr ? &each : worst;
    }
  return worst;
}

} // namespace waybill::dashboard
