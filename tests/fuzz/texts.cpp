// Ids, times, durations, names of enumerators, UTF-8.

#include "fuzz/property.hpp"
#include "waybill/messages.hpp"
#include "waybill/options.hpp"

namespace waybill::fuzz {

namespace {

void check_id(std::string_view text) {
  const auto id = tracked_operation_id::parse(text);
  if (!id)
    return;
  const auto written = to_string(*id);
  require(tracked_operation_id::parse(written) == id, "an id");
  require(written.size() == 36 && text.size() == 36, "an id's length");
}

void check_time(std::string_view text) {
  const auto time = parse_timestamp(text);
  if (!time)
    return;
  require(*time >= min_timestamp && *time <= max_timestamp, "a time's range");
  const auto written = to_string(*time);
  require(parse_timestamp(written) == time, "a time");
  require(written.substr(0, 19) == text.substr(0, 19), "a time's text");
}

void check_duration(std::string_view text) {
  const auto duration = parse_duration(text);
  if (duration)
    require(parse_duration(to_text(*duration)) == duration, "a duration");
}

template <class T>
void check_name(const std::optional<T>& x, std::string_view text) {
  if (x)
    require(to_string(*x) == text, "an enumerator's name");
}

void check_utf8(std::string_view text) {
  require_printable(escape(text), "an escaped text");
  const auto clean = sanitize_utf8(text);
  require(is_valid_utf8(clean), "a sanitized text");
  require(clean.find('\0') == std::string::npos, "a sanitized text's NUL");
  const auto has_nul = text.find('\0') != std::string_view::npos;
  require(is_valid_text(text) == (is_valid_utf8(text) && !has_nul),
          "a text without NUL");
  if (is_valid_text(text))
    require(clean == text, "a text that needs no sanitizing");
  for (const auto cap : {truncation_mark.size(), std::size_t{20},
                         std::size_t{64}, text.size() + 3}) {
    if (cap < truncation_mark.size())
      continue;
    const auto cut = truncate_utf8(clean, cap);
    require(cut.size() <= cap && is_valid_utf8(cut), "a shortened text");
    require(clean.size() > cap ? cut.ends_with(truncation_mark) : cut == clean,
            "the mark of a shortened text");
  }
}

} // namespace

} // namespace waybill::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace waybill;
  const auto text = fuzz::text_of(data, size);
  fuzz::check_id(text);
  fuzz::check_time(text);
  fuzz::check_duration(text);
  fuzz::check_name(parse_tracking_status(text), text);
  fuzz::check_name(parse_enqueue_outcome(text), text);
  fuzz::check_name(parse_update_outcome(text), text);
  fuzz::check_name(parse_health_state(text), text);
  fuzz::check_utf8(text);
  return 0;
}
