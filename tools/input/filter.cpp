#include "input/filter.hpp"

#include <charconv>

#include "exit_code.hpp"
#include "input/options.hpp"

namespace waybill::cli {

namespace {

std::optional<timestamp> read_time(const char* option,
                                   const std::optional<std::string>& text,
                                   timestamp now, zone where) {
  if (!text)
    return std::nullopt;
  const auto t = parse_time(*text, now, where);
  if (!t)
    must_be(option,
            "a duration like 2h, or a time like 2026-11-23, "
            "2026-11-23 08:15 or 2026-11-23T08:15:30Z",
            *text);
  return t;
}

bool is_class(const std::string& text) {
  return text.size() == 3 && text[0] >= '1' && text[0] <= '5'
         && (text.substr(1) == "xx" || text.substr(1) == "XX");
}

void read_http(const std::string& text, operation_filter& to) {
  if (is_class(text)) {
    to.http_class = text[0] - '0';
    return;
  }
  std::int32_t status = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, status);
  if (error != std::errc{} || stop != end || status < 100 || status > 599)
    must_be("--http", "100 to 599, or 1xx to 5xx", text);
  to.http_status = status;
}

} // namespace

const char* const times_explained
  = "A TIME is a duration, which means so long ago (90s, 30min, 2h, 7d), or a\n"
    "date, with a clock time and a zone if wanted: 2026-11-23,\n"
    "\"2026-11-23 08:15\", 2026-11-23T08:15:30Z, \"2026-11-23 09:15 +01:00\".\n"
    "Without a zone it is local time, or UTC with --utc.";

void add_filter(CLI::App& app, filter_arguments& to) {
  add_texts(app, "--status", to.statuses, "LIST",
            "Submitted, Retrying, Delivered, Parked, Failed,\n"
            "Discarded, in-flight, finished; several with\n"
            "commas or by repeating it");
  add_texts(app, "--kind", to.kinds, "KIND", "this kind; may be repeated");
  add_text(app, "--target", to.target, "TEXT",
           "this target; * in it stands for any text");
  add_text(app, "--instance", to.instance, "TEXT", "this source instance");
  add_text(app, "--script", to.script, "TEXT", "this source script");
  add_text(app, "--node", to.node, "TEXT", "this source node");
  add_text(app, "--since", to.since, "TIME", "recorded at or after it");
  add_text(app, "--until", to.until, "TIME", "recorded before it");
  add_text(app, "--updated-since", to.updated_since, "TIME",
           "last changed at or after it");
  add_text(app, "--updated-until", to.updated_until, "TIME",
           "last changed before it");
  add_text(app, "--finished-since", to.finished_since, "TIME",
           "finished at or after it");
  add_text(app, "--finished-until", to.finished_until, "TIME",
           "finished before it");
  add_text(app, "--error", to.error, "TEXT",
           "the last error has TEXT in it; case matters");
  add_text(app, "--http", to.http, "STATUS",
           "the HTTP status is this one: 503, or 5xx");
  add_number(app, "--min-retries", to.min_retries, 0, INT32_MAX,
             "retried so often or more");
}

operation_filter to_filter(const filter_arguments& x, timestamp now,
                           zone where) {
  const auto time = [&](const char* option,
                        const std::optional<std::string>& text) {
    return read_time(option, text, now, where);
  };
  operation_filter filter;
  filter.statuses = read_statuses(x.statuses);
  filter.kinds = x.kinds;
  if (x.target && x.target->find('*') != std::string::npos)
    filter.target_pattern = x.target;
  else
    filter.target_summary = x.target;
  if (x.min_retries)
    filter.retry_count_from = static_cast<std::int32_t>(*x.min_retries);
  filter.source_instance_id = x.instance;
  filter.source_script = x.script;
  filter.source_node = x.node;
  filter.created_from = time("--since", x.since);
  filter.created_until = time("--until", x.until);
  filter.updated_from = time("--updated-since", x.updated_since);
  filter.updated_until = time("--updated-until", x.updated_until);
  filter.terminal_from = time("--finished-since", x.finished_since);
  filter.terminal_until = time("--finished-until", x.finished_until);
  filter.error_contains = x.error;
  if (x.http)
    read_http(*x.http, filter);
  return filter;
}

} // namespace waybill::cli
