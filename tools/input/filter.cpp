#include "input/filter.hpp"

#include <string_view>
#include <type_traits>
#include <vector>

#include "input/options.hpp"

namespace waybill::cli {

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
  add_text(app, "--target-shape", to.target_shape, "SHAPE",
           "the target has this shape, as errors shows it");
  add_text(app, "--error-shape", to.error_shape, "SHAPE",
           "the last error has this shape");
  add_text(app, "--http", to.http, "STATUS",
           "the HTTP status is this one: 503, or 5xx");
  add_number(app, "--min-retries", to.min_retries, 0, INT32_MAX,
             "retried so often or more");
}

operation_filter read_filter(const filter_arguments& x, timestamp now,
                             zone where) {
  // A mistyped status is answered with what was meant.
  read_statuses(x.statuses);
  try {
    return to_filter(x, now, where);
  } catch (const filter_error& e) {
    must_be("--" + e.name(), e.expected(), e.value());
  }
}

std::string shell_word(const std::string& text) {
  constexpr std::string_view plain
    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "-_./:,+=@%";
  if (text.find_first_not_of(plain) == std::string::npos)
    return text;
  std::string word = "'";
  for (const auto c : text)
    word += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return word + '\'';
}

std::string words_of(const filter_arguments& x) {
  std::string words;
  const auto add = [&words](const char* name, const std::string& value) {
    words += (words.empty() ? "--" : " --") + std::string{name} + ' '
             + shell_word(value);
  };
  for_each_field(x, [&](const char* name, const auto& value) {
    using value_type = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<value_type, std::vector<std::string>>) {
      for (const auto& each : value)
        add(name, each);
    } else if constexpr (std::is_same_v<value_type,
                                        std::optional<std::string>>) {
      if (value)
        add(name, *value);
    } else if (value) {
      add(name, std::to_string(*value));
    }
  });
  return words;
}

} // namespace waybill::cli
