#include "waybill/error_list.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "waybill/list_query.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/text_shape.hpp"

namespace waybill::dashboard {

namespace {

void add_group(html& out, const error_group& x, const filter_arguments& asked,
               const answer_context& c, bool brief) {
  out.add("<tr role=row><td role=cell class=\"num p1\"><b>")
    .number(x.operations)
    .add("</b><td role=cell class=p2>")
    .add(status_mark(x.status))
    .add("<td role=cell class=\"p4 wrap\"><a href=\"")
    .text(operations_of(x, asked))
    .add("\">")
    .add(shape_text(x.error ? *x.error : x.target))
    .add("</a>");
  if (x.error)
    out.add("<td role=cell class=p5><span title=\"")
      .text(x.target)
      .add("\">")
      .add(shape_text(x.target))
      .add("</span>");
  if (x.kind && !brief)
    out.add("<td role=cell class=\"soft wider\">").add(cut_text(x.kind));
  if (!brief)
    out.add("<td role=cell class=\"num wide\">").add(age_mark(x.first, c));
  out.add("<td role=cell class=\"num p3\">").add(age_mark(x.last, c)).add("\n");
}

} // namespace

std::string operations_of(const error_group& x, filter_arguments asked) {
  asked.statuses = {to_string(x.status)};
  if (x.kind)
    asked.kinds = {*x.kind};
  asked.target_shape = x.target;
  if (x.error)
    asked.error_shape = x.error;
  return "operations?" + to_query(to_parameters(asked));
}

html shape_text(std::string_view shape) {
  constexpr std::array all{std::pair{masks::number, markup{"<var>n</var>"}},
                           std::pair{masks::id, markup{"<var>id</var>"}},
                           std::pair{masks::address,
                                     markup{"<var>address</var>"}},
                           std::pair{masks::time, markup{"<var>time</var>"}}};
  html out;
  while (!shape.empty()) {
    const auto at = std::min(shape.find_first_of("#<"), shape.size());
    out.text(shape.substr(0, at));
    shape.remove_prefix(at);
    const auto found = std::ranges::find_if(all, [&](const auto& each) {
      return shape.starts_with(each.first);
    });
    if (found != all.end()) {
      out.add(found->second);
      shape.remove_prefix(found->first.size());
    } else if (!shape.empty()) {
      out.text(shape.substr(0, 1));
      shape.remove_prefix(1);
    }
  }
  return out;
}

html error_table(std::span<const error_group> groups,
                 const filter_arguments& asked, const answer_context& c,
                 bool brief) {
  const auto has_errors = !groups.empty() && groups.front().error;
  html out;
  out.add("<table class=\"rows errors\" role=table><thead role=rowgroup><tr "
          "role=row><th role=columnheader class=\"num w-short\">count<th "
          "role=columnheader class=w-status>status");
  if (has_errors)
    out.add("<th role=columnheader>error, what differs <var>masked</var><th "
            "role=columnheader class=w-target>target");
  else
    out.add("<th role=columnheader>target, what differs <var>masked</var>");
  if (has_errors && !brief)
    out.add("<th role=columnheader class=\"w-kind wider\">kind");
  if (!brief)
    out.add("<th role=columnheader class=\"num w-age wide\">first");
  out.add("<th role=columnheader class=\"num w-age\">last<tbody "
          "role=rowgroup>\n");
  for (const auto& each : groups)
    add_group(out, each, asked, c, brief);
  out.add("</table>\n");
  return out;
}

} // namespace waybill::dashboard
