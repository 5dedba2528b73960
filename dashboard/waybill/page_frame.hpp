// What the pages have in common: the frame, and how statuses, times, ids and
// errors look.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "waybill/answer_context.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/html.hpp"
#include "waybill/messages.hpp"

namespace waybill::dashboard {

/// Which entry of the menu is the current one.
enum class menu_entry : std::uint8_t {
  none,
  overview,
  operations,
  errors,
  stuck,
  targets,
  storage,
  live,
};

struct page_parts {
  /// Of the browser's tab.
  std::string title;
  menu_entry current = menu_entry::none;
  /// The answer, as a heading.
  html heading = {};
  /// Below it: why, and the same question as a command.
  html lead = {};
  /// Right of it.
  html acts = {};
  html content = {};
  /// Whether the page shows what is new by itself.
  bool renews_itself = false;
};

/// A whole page. All of its links are relative to the folder that it is in, so
/// that it works behind any prefix.
http_response framed(const site& about, const http_request& asked,
                     const page_parts& x,
                     const answer_context* context = nullptr);

/// What leads from the folder of a page to the first one: empty or `../`.
std::string way_up(std::string_view path);

// -- what stands in them ------------------------------------------------------

html status_mark(tracking_status status);
/// A word with a shape of its own: `ok`, `degraded`, `failed`, `rest`.
html state_mark(std::string_view shape, std::string_view word);

/// How long ago, with the time in full for those who point at it.
html age_mark(const std::optional<timestamp>& t, const answer_context& c);
/// The same as a sentence has it: `3m ago`, but `now`.
html ago_mark(timestamp t, const answer_context& c);
html time_mark(timestamp t, const answer_context& c);

/// The beginning and the end of an id; all of it for those who point at it.
html short_id(const tracked_operation_id& id);

/// A text of one line that may be cut where it is shown.
html cut_text(const std::optional<std::string>& text);

/// `·` for none.
html figure(std::int64_t x);

/// A count as a sentence has it: `1 call`, `2,000 calls`.
std::string counted(std::int64_t n, std::string_view one,
                    std::string_view many);

/// A command that answers the same: `waybill list …`.
html command_line(const std::string& rest);

/// Why a target takes no calls, or that it is near to that; none if neither.
std::optional<std::string> trouble_of(const target_snapshot& x);

/// @throws query_error if the page was asked for with parameters.
void require_no_parameters(const answer_context& c);

/// One that takes no calls before one that soon will not; null: all is well.
const target_snapshot* worst_of(const targets_reply& x);

} // namespace waybill::dashboard
