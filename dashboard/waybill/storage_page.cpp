// Health and storage: what the service says of itself, and the file of it.
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "waybill/act_controls.hpp"
#include "waybill/chart.hpp"
#include "waybill/health_findings.hpp"
#include "waybill/page_frame.hpp"
#include "waybill/pages.hpp"

namespace waybill::dashboard {

namespace {

struct storage_facts {
  store_size size;
  std::vector<health_finding> findings;
  const stats_reply* stats = nullptr;
  std::int64_t operations = 0;
  std::int64_t steps = 0;
  std::int64_t targets = 0;
};

storage_facts look_at_storage(const answer_context& c) {
  storage_facts x;
  x.size = c.store.size();
  const auto counts = c.store.get_counts(c.now);
  for (const auto& each : counts.counts)
    x.operations += each.operations;
  x.steps = c.store.last_transition_number();
  const auto targets = c.store.list_targets({.deadline = std::nullopt}, c.now);
  x.targets = std::ssize(targets.targets);
  x.findings = judge({}, counts, x.size, targets, c.now);
  if (c.service && c.service->stats)
    x.stats = &*c.service->stats;
  return x;
}

const health_finding* first_fault(const storage_facts& x) {
  const auto at = std::ranges::find_if(x.findings, [](const auto& each) {
    return !each.ok();
  });
  return at == x.findings.end() ? nullptr : &*at;
}

void add_storage_answer(page_parts& page, const storage_facts& x,
                        const answer_context& c) {
  const auto sizes = size_text(x.size.file_bytes) + ", log "
                     + size_text(x.size.log_bytes);
  if (c.service && c.service->health.state != health_state::ok) {
    const auto& health = c.service->health;
    page.title = health.state == health_state::failed ? "Failed" : "Degraded";
    page.heading.add(state_mark(to_string(health.state), page.title))
      .add(": ")
      .text(health.reason);
  } else if (const auto* const fault = first_fault(x)) {
    page.title = "Beyond a limit";
    page.heading.add(state_mark("degraded", fault->title))
      .add(": ")
      .text(fault->text(fault->value))
      .add(", and should be ")
      .text(fault->text(*fault->limit))
      .add(" at most");
  } else {
    page.title = "Storage";
    page.heading
      .add(c.service ? state_mark("ok", "Storage is well")
                     : state_mark("rest", "At rest"))
      .add(": ")
      .text(sizes);
  }
  page.lead.add("<p>");
  if (c.service) {
    page.lead.add("The service is ")
      .text(to_string(c.service->health.state))
      .add(" since ")
      .add(time_mark(c.service->health.since, c))
      .add(". ");
    if (c.service->health.last_error)
      page.lead.add("Last error: ")
        .text(*c.service->health.last_error)
        .add(" ");
  } else {
    page.lead.add("No service runs on the file; it is read as it is. ");
  }
  page.lead.add(command_line("health")).add(" · ").add(command_line("stats"));
  page.lead.add("</p>");
  page.acts.add(purge_act(c))
    .add("<a href=metrics>Prometheus</a> <a "
         "href=\"api/v1/stats\">JSON</a>");
}

// -- figures ------------------------------------------------------------------

void add_one_figure(html& out, markup name, const html& value,
                    const html& below) {
  out.add("<div><dt>").add(name).add("<dd>").add(value);
  out.add("<dd>").add(below).add("</div>\n");
}

std::string quantile_text(const histogram& x, double q) {
  const auto us = x.quantile(q);
  if (!us)
    return "·";
  return *us == INT64_MAX
           ? "> 10 s"
           : "≤ " + duration_text(std::chrono::microseconds{*us});
}

void add_storage_figures(html& out, const storage_facts& x,
                         const answer_context& c) {
  const auto text = [](const std::string& is) { return html{}.text(is); };
  out.add("<dl class=figures>\n");
  add_one_figure(out, "File", text(size_text(x.size.file_bytes)),
                 text(size_text(x.size.free_bytes) + " of it unused"));
  add_one_figure(out, "Write-ahead log", text(size_text(x.size.log_bytes)),
                 html{}.add("copied into the file now and then"));
  if (x.stats != nullptr) {
    add_one_figure(out, "Commit, p50",
                   text(quantile_text(x.stats->commit_latency, 0.5)),
                   text("p99 " + quantile_text(x.stats->commit_latency, 0.99)));
    add_one_figure(out, "In the mailbox, p50",
                   text(quantile_text(x.stats->queue_latency, 0.5)),
                   text("p99 " + quantile_text(x.stats->queue_latency, 0.99)));
    add_one_figure(out, "Waiting requests",
                   html{}.number(c.service->health.waiting_requests),
                   text(size_text(c.service->health.waiting_bytes)));
    add_one_figure(out, "Tracker restarts", html{}.number(x.stats->restarts),
                   html{}.add("of one that died"));
  } else {
    const auto written = c.source.last_written();
    add_one_figure(out, "Last written",
                   written ? age_mark(written, c) : html{}.add("·"),
                   html{}.add("ago, by the file's time"));
    add_one_figure(out, "Operations", html{}.number(x.operations),
                   html{}.add("that are kept"));
    add_one_figure(out, "Steps", html{}.number(x.steps),
                   html{}.add("since the store was made"));
    add_one_figure(out, "Targets", html{}.number(x.targets),
                   html{}.add("that calls have been kept for"));
  }
  out.add("</dl>\n");
}

// -- sections -----------------------------------------------------------------

void add_findings(html& out, const storage_facts& x) {
  out.add("<section><div class=head><h2>Against limits</h2><span "
          "class=soft>of <code>waybill health</code></span></div>\n<table>"
          "<thead><tr><th>figure<th class=num>is<th class=num>limit<th "
          "class=w-step>judged<tbody>\n");
  for (const auto& each : x.findings) {
    out.add("<tr><td>").text(each.title);
    out.add("<td class=num>").text(each.text(each.value));
    out.add("<td class=num>").text(each.limit ? each.text(*each.limit) : "");
    out.add("<td>").add(!each.limit ? html{}.add("<span class=soft>no limit"
                                                 "</span>")
                        : each.ok() ? state_mark("ok", "ok")
                                    : state_mark("degraded", "too much"));
    out.add("\n");
  }
  out.add("</table></section>\n");
}

struct counted_thing {
  markup name;
  std::int64_t count = 0;
};

void add_counted(html& out, const stats_reply& x, const answer_context& c) {
  const std::array all{counted_thing{"taken", x.inserted},
                       counted_thing{"duplicates of these", x.duplicates},
                       counted_thing{"attempts", x.attempts},
                       counted_thing{"delivered", x.delivered},
                       counted_thing{"parked", x.parked},
                       counted_thing{"failed", x.failed},
                       counted_thing{"discarded", x.discarded},
                       counted_thing{"refused", x.refused},
                       counted_thing{"not stored", x.not_stored},
                       counted_thing{"outcome unknown", x.unknown},
                       counted_thing{"purged", x.purged},
                       counted_thing{"commits", x.batches}};
  out
    .add("<section><div class=head><h2>Counted since the start</h2><span "
         "class=soft>")
    .add(ago_mark(x.since, c))
    .add("</span></div>\n<table><thead><tr><th>what<th "
         "class=num>how many<tbody>\n");
  for (const auto& each : all)
    out.add("<tr><td>")
      .add(each.name)
      .add("<td class=num>")
      .add(figure(each.count))
      .add("\n");
  out.add("</table></section>\n");
}

// The buckets of a histogram from the first to the last that has anything.
void add_histogram(html& out, markup title, const histogram& x, bool is_time) {
  const auto text = [&](std::int64_t bound) {
    return is_time ? duration_text(std::chrono::microseconds{bound})
                   : grouped(bound);
  };
  std::size_t first = x.counts.size();
  std::size_t last = 0;
  for (std::size_t i = 0; i < x.counts.size(); ++i)
    if (x.counts[i] > 0) {
      first = std::min(first, i);
      last = i;
    }
  out.add("<section><div class=head><h2>")
    .add(title)
    .add("</h2><span "
         "class=soft>");
  out.number(x.count()).add(" in all</span></div>\n");
  if (first > last || last >= x.upper_bounds.size() + 1) {
    out.add("<p class=empty>None yet.</p></section>\n");
    return;
  }
  chart bars;
  bars.all.push_back(
    {.style = "plain",
     .values = {x.counts.begin() + static_cast<std::ptrdiff_t>(first),
                x.counts.begin() + static_cast<std::ptrdiff_t>(last) + 1}});
  bars.begin
    = "≤ " + text(x.upper_bounds[std::min(first, x.upper_bounds.size() - 1)]);
  bars.end = last < x.upper_bounds.size() ? "≤ " + text(x.upper_bounds[last])
                                          : "> " + text(x.upper_bounds.back());
  const auto median = x.quantile(0.5);
  const auto worst = x.quantile(0.99);
  bars.words
    = "Half are at most " + text(median.value_or(0)) + ", 99 of 100 at most "
      + (worst == INT64_MAX ? "more than that" : text(worst.value_or(0)));
  out.add(svg_of(bars)).add("</section>\n");
}

} // namespace

http_response storage_page(const answer_context& c) {
  require_no_parameters(c);
  const auto x = look_at_storage(c);
  page_parts page;
  page.current = menu_entry::storage;
  page.renews_itself = true;
  add_storage_answer(page, x, c);
  add_storage_figures(page.content, x, c);
  if (x.stats != nullptr) {
    page.content.add("<div class=three>\n");
    add_histogram(page.content, "COMMIT took", x.stats->commit_latency, true);
    add_histogram(page.content, "Waited in the mailbox", x.stats->queue_latency,
                  true);
    add_histogram(page.content, "Requests a commit", x.stats->batch_size,
                  false);
    page.content.add("</div>\n");
  }
  if (x.stats == nullptr) {
    add_findings(page.content, x);
  } else {
    page.content.add("<div class=two><div>\n");
    add_findings(page.content, x);
    page.content.add("</div><div>\n");
    add_counted(page.content, *x.stats, c);
    page.content.add("</div></div>\n");
  }
  return framed(c.about, c.asked, page, &c);
}

} // namespace waybill::dashboard
