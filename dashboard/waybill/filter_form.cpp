#include "waybill/filter_form.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "waybill/list_query.hpp"

namespace waybill::dashboard {

namespace {

struct filter_field {
  std::string_view name;
  std::string_view label;
  std::string_view hint;
  std::string_view style;
};

constexpr std::array known_fields{
  filter_field{"kind", "Kind", "any", ""},
  filter_field{"target", "Target", "* for any text", ""},
  filter_field{"node", "Node", "any", "small"},
  filter_field{"since", "Recorded since", "7d", "small"},
  filter_field{"finished-since", "Finished since", "24h", "small"},
  filter_field{"http", "HTTP", "5xx", "small"},
  filter_field{"min-retries", "Retries from", "1", "small"},
  filter_field{"error", "Error", "contains, case matters", "grow"}};

} // namespace

html filter_form(std::string_view action, const filter_arguments& x,
                 std::initializer_list<std::string_view> names) {
  const auto given = to_parameters(x);
  const auto has = [&](std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  html out;
  out.add("<form class=filters action=\"").text(action).add("\">\n");
  bool kind_shown = false;
  for (const auto& [name, value] : given)
    if (!has(name) || (name == "kind" && std::exchange(kind_shown, true)))
      out.add("<input type=hidden name=\"")
        .text(name)
        .add("\" value=\"")
        .text(value)
        .add("\">\n");
  for (const auto& each : known_fields) {
    if (!has(each.name))
      continue;
    const auto is = std::ranges::find(given, each.name,
                                      &parameters::value_type::first);
    out.add("<label class=\"").text(each.style).add("\">").text(each.label);
    out.add(" <input name=\"").text(each.name).add("\" placeholder=\"");
    out.text(each.hint).add("\" value=\"");
    out.text(is == given.end() ? std::string_view{} : is->second);
    out.add("\"></label>\n");
  }
  out.add("<button>Filter</button></form>\n");
  return out;
}

} // namespace waybill::dashboard
