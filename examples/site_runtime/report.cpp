#include "site_runtime/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "output/text_width.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

using waybill::escape;
using waybill::tracking_status;
using waybill::tracking_status_snapshot;
using waybill::cli::colour;
using waybill::cli::colour_of;
using waybill::cli::fit;

constexpr std::array ends{tracking_status::delivered, tracking_status::parked,
                          tracking_status::failed, tracking_status::discarded};

// Operations that are listed by id under one error.
constexpr std::size_t max_listed = 10;

std::string flush_right(std::string text, std::size_t width) {
  if (text.size() < width)
    text.insert(0, width - text.size(), ' ');
  return text;
}

// -- tables -------------------------------------------------------------------

struct cell {
  std::string text;
  colour shade = colour::none;
};

// Columns as wide as their longest cell: the first flush left, the others flush
// right, below a heading each, in two lines if it has two parts.
class table {
public:
  explicit table(const std::vector<std::string>& headings) : rows_(2) {
    for (const auto& each : headings) {
      const auto dot = each.find('.');
      const auto split = dot == std::string::npos ? 0 : dot + 1;
      rows_[0].push_back({each.substr(0, split), colour::bold});
      rows_[1].push_back({each.substr(split), colour::bold});
    }
  }

  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] std::string render(const terminal& out) const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], row[i].text.size());
    std::string text;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const auto painted
          = row[i].text.empty() ? "" : out.paint(row[i].shade, row[i].text);
        const std::string padding(widths[i] - row[i].text.size(), ' ');
        line += "  ";
        line += i == 0 ? painted + padding : padding + painted;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      if (!line.empty())
        text += line + '\n';
    }
    return text;
  }

private:
  std::vector<std::vector<cell>> rows_;
};

// Zeros are dots: the eye finds what there is.
cell count(std::int64_t n, colour shade = colour::none) {
  return n == 0 ? cell{".", colour::dim} : cell{std::to_string(n), shade};
}

// A column for each kind, a row for each figure.
std::string kinds_table(const ledger& x, const terminal& out) {
  std::vector<std::string> headings{""};
  std::vector<ledger::kind_figures> columns;
  ledger::kind_figures sum;
  for (const auto& [kind, figures] : x.kinds()) {
    headings.push_back(kind);
    columns.push_back(figures);
    sum.counts += figures.counts;
    sum.attempts += figures.attempts;
  }
  headings.emplace_back("all");
  columns.push_back(sum);

  table all{headings};
  const auto add = [&](const std::string& name, colour shade, auto figure) {
    std::vector<cell> row{{name, shade}};
    for (const auto& each : columns)
      row.push_back(count(figure(each), shade));
    all.add(std::move(row));
  };
  for (const auto status : ends)
    add(to_string(status), colour_of(status),
        [status](const auto& each) { return each.counts[status]; });
  add("in flight", colour::cyan,
      [](const auto& each) { return each.counts.in_flight(); });
  add("operations", colour::bold,
      [](const auto& each) { return each.counts.all(); });
  add("attempts", colour::none, [](const auto& each) { return each.attempts; });
  return all.render(out);
}

std::string attempts_table(const ledger& x, const terminal& out) {
  // The figures beside a bar take 14 columns at most, but for huge numbers.
  constexpr std::int64_t longest = 40;
  const auto room
    = out.width() == 0
        ? longest
        : std::clamp<std::int64_t>(static_cast<std::int64_t>(out.width()) - 14,
                                   1, longest);
  std::int64_t most = 1;
  for (const auto& [attempts, operations] : x.attempts())
    most = std::max(most, operations);
  std::string text;
  for (const auto& [attempts, operations] : x.attempts()) {
    std::string bar;
    for (std::int64_t i = 0; i * most < operations * room; ++i)
      bar += out.shows_utf8() ? "█" : "#";
    text += flush_right(std::to_string(attempts), 4) + "  "
            + out.paint(colour::dim, bar) + ' ' + std::to_string(operations)
            + '\n';
  }
  return text;
}

std::string seconds(std::chrono::microseconds time) {
  std::array<char, 32> text{};
  const auto s = static_cast<double>(time.count()) / 1e6;
  std::snprintf(text.data(), text.size(), s < 10 ? "%.2f s" : "%.1f s", s);
  return text.data();
}

std::string target_of(const tracking_status_snapshot& x) {
  return escape(x.target_summary.value_or(""));
}

// What of `text` fits into a line in which `used` columns are taken. Only a
// terminal has a width.
std::string fit_behind(std::size_t used, const std::string& text,
                       const terminal& out) {
  const auto width = out.width();
  return width == 0
           ? text
           : fit(text, std::max(width, used + 1) - used, out.ellipsis());
}

// The rest of a line on one operation, of which `used` columns are taken. The
// target gets a line of its own if there is little room for it.
std::string operation_line(const tracking_status_snapshot& x,
                           const terminal& out, std::size_t used) {
  constexpr std::size_t least = 12;
  const auto id = to_string(x.id);
  const auto target = target_of(x);
  const auto behind_id = used + 2 + id.size() + 2;
  auto text = "  " + id;
  if (target.empty())
    return text + '\n';
  if (const auto width = out.width();
      width == 0
      || behind_id + std::min(waybill::cli::width_of(target), least) <= width)
    return text + "  " + fit_behind(behind_id, target, out) + '\n';
  return text + '\n' + std::string(used + 2, ' ')
         + fit_behind(used + 2, target, out) + '\n';
}

std::string slowest_list(const ledger& x, const terminal& out) {
  std::string text;
  for (const auto& [snapshot, line] : x.slowest()) {
    auto status = to_string(snapshot.status);
    status.resize(std::max<std::size_t>(status.size(), 9), ' ');
    text += "  ";
    text += flush_right(seconds(duration_of(snapshot)), 8);
    text += "  ";
    text += out.paint(colour_of(snapshot.status), status);
    text += operation_line(snapshot, out, 21);
  }
  return text;
}

// Grouped by error: one cause, however many operations it stopped.
std::string undelivered_list(const std::vector<ledger::noted>& list,
                             const terminal& out, const std::string& place) {
  std::map<std::string, std::vector<const ledger::noted*>> by_error;
  for (const auto& each : list)
    by_error[escape(each.snapshot.last_error.value_or("(no reason given)"))]
      .push_back(&each);
  std::vector<decltype(by_error)::const_pointer> groups;
  groups.reserve(by_error.size());
  for (const auto& group : by_error)
    groups.push_back(&group);
  std::stable_sort(groups.begin(), groups.end(), [](auto* a, auto* b) {
    return a->second.size() > b->second.size();
  });
  std::string text;
  for (const auto* group : groups) {
    const auto& [error, operations] = *group;
    text += "  "
            + out.paint(colour_of(operations.front()->snapshot.status),
                        fit_behind(2, error, out))
            + '\n';
    for (std::size_t i = 0; i < operations.size() && i < max_listed; ++i) {
      const auto& [snapshot, line] = *operations[i];
      text += "  ";
      text += flush_right(place + ' ' + std::to_string(line), 10);
      text += operation_line(snapshot, out, 12);
    }
    if (operations.size() > max_listed)
      text += "              and "
              + std::to_string(operations.size() - max_listed) + " more\n";
  }
  return text;
}

} // namespace

std::string render_report(const ledger& x, const terminal& out,
                          const std::string& place) {
  const auto section = [&](const std::string& title, const std::string& body) {
    return body.empty() ? ""
                        : '\n' + out.paint(colour::bold, title) + "\n\n" + body;
  };
  const auto undelivered = [&](const std::string& title,
                               tracking_status status) {
    return section(title, undelivered_list(x.ended_in(status), out, place));
  };
  // The details first: what matters most ends up above the prompt.
  return section("The slowest, from enqueue to end", slowest_list(x, out))
         + undelivered("Discarded: given up by an operator",
                       tracking_status::discarded)
         + undelivered("Failed: refused for good", tracking_status::failed)
         + undelivered("Parked: out of attempts, with the last error",
                       tracking_status::parked)
         + section("Attempts that finished operations needed",
                   attempts_table(x, out))
         + section("Operations", kinds_table(x, out)) + '\n';
}

std::string render_totals(const ledger& x) {
  const auto counts = x.counts();
  nlohmann::ordered_json totals;
  totals["operations"] = counts.all();
  totals["delivered"] = counts[tracking_status::delivered];
  totals["parked"] = counts[tracking_status::parked];
  totals["failed"] = counts[tracking_status::failed];
  totals["discarded"] = counts[tracking_status::discarded];
  totals["in_flight"] = counts.in_flight();
  totals["lines"] = counts.all() + x.skipped();
  totals["skipped_lines"] = x.skipped();
  return totals.dump();
}

std::string render_snapshot(const tracking_status_snapshot& x,
                            const terminal& out) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    std::string label = name;
    label.resize(14, ' ');
    text += "  " + out.paint(colour::dim, label) + value + '\n';
  };
  const auto optional_line = [&](const char* name, const auto& value) {
    if (value)
      line(name, escape(*value));
  };
  text += out.paint(colour::bold, to_string(x.id)) + '\n';
  line("status", out.paint(colour_of(x.status), to_string(x.status)));
  line("kind", escape(x.kind));
  optional_line("target", x.target_summary);
  line("retries", std::to_string(x.retry_count));
  if (x.http_status)
    line("HTTP status", std::to_string(*x.http_status));
  optional_line("last error", x.last_error);
  line("created", to_string(x.created_at));
  line("updated", to_string(x.updated_at));
  if (x.terminal_at)
    line("ended", to_string(*x.terminal_at) + " (after "
                    + seconds(duration_of(x)) + ')');
  optional_line("instance", x.source_instance_id);
  optional_line("script", x.source_script);
  optional_line("node", x.source_node);
  return text;
}

} // namespace site_runtime
