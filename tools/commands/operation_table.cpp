#include "commands/operation_table.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "input/suggestion.hpp"
#include "input/values.hpp"
#include "output/one_line.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// Rows that are laid out together: as many as one looks through, and enough for
// the columns to stay as they are.
constexpr std::size_t rows_at_a_time = 500;

constexpr std::size_t length_of_date_and_minute = 16;

cell time_cell(const std::optional<timestamp>& t, const context& c) {
  return {t ? time_text(*t, c.where()) : ""};
}

using snapshot = tracking_status_snapshot;

struct operation_column {
  const char* name = nullptr; // what --columns calls it
  column layout;
  cell (*make)(const snapshot& x, const context& c) = nullptr;
  // The same of what only a call has.
  cell (*make_of_call)(const call_snapshot& x, const context& c) = nullptr;
};

column text_column(const char* title, int left_out, cutting cut) {
  return {.title = title,
          .least = 12,
          .left_out = left_out,
          .enough = 24,
          .grows = 1,
          .cut = cut};
}

column time_column(const char* title, int left_out) {
  return {.title = title,
          .least = length_of_date_and_minute,
          .left_out = left_out,
          .grows = 4,
          .cut = cutting::beginning};
}

// What tells one target from another may be at its end, as in a path; an error
// begins with what it is. Left out in this order: idle, HTTP, kind, retry,
// target, error, age.
const std::array<operation_column, 18>& all_columns() {
  static const std::array<operation_column, 18> all{{
    {"id",
     {.title = "id", .least = 8, .grows = 3, .cut = cutting::beginning},
     [](const snapshot& x, const context&) { return cell{to_string(x.id)}; }},
    {"status",
     {.title = "status"},
     [](const snapshot& x, const context&) { return status_cell(x.status); }},
    {"age",
     {.title = "age", .align = alignment::right, .left_out = 1},
     [](const snapshot& x, const context& c) {
       return cell{compact_age_text(c.now() - x.created_at)};
     }},
    {"idle",
     {.title = "idle", .align = alignment::right, .left_out = 7},
     [](const snapshot& x, const context& c) {
       return cell{compact_age_text(c.now() - x.updated_at)};
     }},
    {"retry",
     {.title = "retry", .align = alignment::right, .left_out = 4},
     [](const snapshot& x, const context&) {
       return count_cell(x.retry_count);
     }},
    {"http",
     {.title = "HTTP", .align = alignment::right, .left_out = 6},
     [](const snapshot& x, const context&) {
       return number_cell(x.http_status);
     }},
    {"kind",
     {.title = "kind",
      .least = 8,
      .left_out = 5,
      .grows = 2,
      .cut = cutting::middle},
     [](const snapshot& x, const context&) { return text_cell(x.kind); }},
    {"target", text_column("target", 3, cutting::middle),
     [](const snapshot& x, const context&) {
       return text_cell(x.target_summary);
     }},
    {"error", text_column("error", 2, cutting::end),
     [](const snapshot& x, const context&) { return text_cell(x.last_error); }},
    {"created", time_column("created", 1),
     [](const snapshot& x, const context& c) {
       return time_cell(x.created_at, c);
     }},
    {"updated", time_column("updated", 7),
     [](const snapshot& x, const context& c) {
       return time_cell(x.updated_at, c);
     }},
    {"finished", time_column("finished", 7),
     [](const snapshot& x, const context& c) {
       return time_cell(x.terminal_at, c);
     }},
    {"took",
     {.title = "took", .align = alignment::right},
     [](const snapshot& x, const context&) {
       return cell{x.terminal_at ? duration_text(*x.terminal_at - x.created_at)
                                 : ""};
     }},
    {"instance", text_column("instance", 0, cutting::middle),
     [](const snapshot& x, const context&) {
       return text_cell(x.source_instance_id);
     }},
    {"script", text_column("script", 0, cutting::middle),
     [](const snapshot& x, const context&) {
       return text_cell(x.source_script);
     }},
    {"node", text_column("node", 0, cutting::middle),
     [](const snapshot& x, const context&) {
       return text_cell(x.source_node);
     }},
    {"due",
     {.title = "due", .align = alignment::right},
     nullptr,
     [](const call_snapshot& x, const context& c) {
       if (x.state == call_state::kept)
         return cell{};
       if (x.state == call_state::begun)
         return cell{"begun"};
       const auto due = x.due.value_or(c.now());
       return cell{due > c.now() ? compact_age_text(c.now() - due) : "now"};
     }},
    {"attempt",
     {.title = "attempt", .align = alignment::right},
     nullptr,
     [](const call_snapshot& x, const context&) {
       return cell{std::to_string(x.attempt)};
     }},
  }};
  return all;
}

const operation_column* find_column(const std::string& name) {
  const auto at = std::ranges::find_if(all_columns(), [&](const auto& each) {
    return each.name == name;
  });
  return at == all_columns().end() ? nullptr : &*at;
}

// In the order of the columns: those that tell one operation from another
// first, texts last, because they grow.
std::vector<std::string> names_of(const operation_table::style& how) {
  if (!how.columns.empty())
    return how.columns;
  return {"id",
          "status",
          how.times ? "created" : "age",
          how.times ? "updated" : "idle",
          "retry",
          "http",
          "kind",
          "target",
          "error"};
}

// Those that were asked for are never left out.
std::vector<column> layout_of(const operation_table::style& how) {
  std::vector<column> all;
  for (const auto& name : names_of(how)) {
    all.push_back(find_column(name)->layout);
    if (!how.columns.empty())
      all.back().left_out = 0;
  }
  return all;
}

} // namespace

std::vector<std::string> read_columns(const std::string& list) {
  std::vector<std::string> names;
  std::vector<std::string> known;
  for (const auto& each : all_columns())
    known.emplace_back(each.name);
  for (const auto& name : split(list)) {
    if (find_column(name) == nullptr)
      throw usage_error{"--columns has no column " + quoted(name)
                        + did_you_mean(nearest(name, known)) + "; there are "
                        + listed(known, "and")};
    names.push_back(name);
  }
  return names;
}

operation_table::operation_table(context& c, const style& how)
  : c_{c},
    columns_{names_of(how)},
    table_{layout_of(how), c.screen(), !how.full} {}

bool operation_table::shows_calls() const {
  return std::ranges::any_of(columns_, [](const auto& name) {
    return find_column(name)->make_of_call != nullptr;
  });
}

void operation_table::add(const tracking_status_snapshot& x,
                          const std::optional<call_snapshot>& call) {
  std::vector<cell> row;
  for (const auto& name : columns_) {
    const auto& each = *find_column(name);
    if (each.make != nullptr)
      row.push_back(each.make(x, c_));
    else
      row.push_back(call ? each.make_of_call(*call, c_) : cell{});
    // What the column before says need not be said again.
    if (c_.screen().is_terminal() && row.size() > 1
        && (name == "idle" || name == "updated")
        && row.back().text == row[row.size() - 2].text)
      row.back().text.clear();
  }
  table_.add(std::move(row));
  ids_.push_back(to_string(x.id));
  if (table_.size() >= rows_at_a_time)
    print(false);
}

void operation_table::finish() {
  if (table_.size() > 0)
    print(true);
}

void operation_table::print(bool is_all) {
  const auto at = std::ranges::find(columns_, "id");
  if (at != columns_.end())
    table_.keep_at_least(static_cast<std::size_t>(at - columns_.begin()),
                         short_id_length(std::exchange(ids_, {})));
  c_.out().write(table_.take(is_all));
}

std::size_t short_id_length(std::vector<std::string> ids) {
  constexpr std::size_t all_of_the_time = 13;
  auto length = all_of_the_time;
  std::ranges::sort(ids);
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const auto differs = std::ranges::mismatch(ids[i - 1], ids[i]);
    if (differs.in2 != ids[i].end())
      length = std::max(
        length, static_cast<std::size_t>(differs.in2 - ids[i].begin()) + 1);
  }
  return length;
}

cell status_cell(tracking_status status) {
  return {to_string(status), colour_of(status)};
}

cell text_cell(const std::optional<std::string>& text) {
  return {one_line(text.value_or(""))};
}

cell number_cell(const std::optional<std::int32_t>& number) {
  return {number ? std::to_string(*number) : ""};
}

} // namespace waybill::cli
