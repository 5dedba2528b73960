// JSON of every message: what is read is written, and read back the same.

#include <optional>

#include "fuzz/property.hpp"
#include "waybill/audit_messages.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/forward_messages.hpp"
#include "waybill/json.hpp"
#include "waybill/messages.hpp"
#include "waybill/operator_messages.hpp"
#include "waybill/queries.hpp"
#include "waybill/stats.hpp"

namespace waybill::fuzz {

namespace {

template <class T>
std::optional<T> read(std::string_view text) {
  try {
    return from_json_text<T>(text);
  } catch (const json_error& e) {
    require_printable(e.what(), "an error");
    require(std::string_view{e.what()}.size() < 2'000, "an endless error");
    return std::nullopt;
  }
}

template <class T>
void check(std::string_view text) {
  const auto x = read<T>(text);
  if (!x)
    return;
  const auto written = to_json_text(*x);
  require(is_valid_utf8(written), "written JSON is not UTF-8");
  const auto again = read<T>(written);
  require(again.has_value(), "what was written cannot be read");
  require(to_json_text(*again) == written, "it is written otherwise then");
  if constexpr (requires { *again == *x; })
    require(*again == *x, "it is not the same then");
  require_printable(to_string(*x), "a printed message");
  if constexpr (requires { find_fault(*x); })
    if (const auto fault = find_fault(*x))
      require_printable(*fault, "a fault");
}

// How many of a message's fields a text names.
template <class T>
std::size_t likeness(std::string_view text) {
  std::size_t n = 0;
  const T example{};
  for_each_field(example, [&](const char* name, const auto&) {
    n += text.find('"' + std::string{name} + '"') != std::string_view::npos;
  });
  return n;
}

// Reads the text as the messages that it looks like most, and as any one:
// refusing it as all of them would take most of the time.
template <class... Messages>
void check_some(std::string_view text) {
  const auto most = std::max({likeness<Messages>(text)...});
  const auto any = text.size() % sizeof...(Messages);
  std::size_t i = 0;
  const auto chosen = [&](std::size_t like) {
    return (like == most && most > 0) || i == any;
  };
  (((chosen(likeness<Messages>(text)) ? check<Messages>(text) : void()), ++i),
   ...);
}

// What operators' programs say to a service.
void check_operator_line(std::string_view text) {
  try {
    const auto x = parse_operator_request(text);
    require(parse_operator_request(to_operator_line(x)) == x,
            "an operator's line is not the same then");
  } catch (const operator_error& e) {
    require_printable(e.what(), "an error of an operator's line");
  }
}

} // namespace

} // namespace waybill::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace waybill;
  fuzz::check_some<
    record_enqueue, record_attempt, record_terminal, get_status, purge_terminal,
    get_counts, get_health, enqueue_reply, update_reply,
    tracking_status_snapshot, status_reply, purge_reply, status_count,
    counts_reply, health_reply, list_operations, list_reply, get_history,
    history_reply, watch_transitions, watch_reply, await_terminal, wait_reply,
    operation_record, get_stats, stats_reply, forward_call, forward_reply,
    discard, get_backlog, backlog_reply, get_call, call_reply, get_payload,
    payload_reply, list_targets, targets_reply, pause_target, resume_target,
    pause_reply, backlogs_reply, exported_audit, shut_down>(
    fuzz::text_of(data, size));
  fuzz::check_operator_line(fuzz::text_of(data, size));
  return 0;
}
