// What requests may hold; past it they are refused before anything is stored.
#pragma once

#include <cstddef>
#include <cstdint>

namespace waybill {

/// What kinds without a counter of their own are counted as. No kind can have
/// this name.
inline constexpr const char* other_kinds = "(other)";

namespace limits {

// -- operations ---------------------------------------------------------------

/// Longest texts, in bytes of UTF-8.
inline constexpr std::size_t max_kind = 128;
inline constexpr std::size_t max_target = 1'024;
inline constexpr std::size_t max_source = 256;
/// A longer error text is refused; one between the store's `last_error_cap`
/// and this is shortened.
inline constexpr std::size_t max_last_error = 1'048'576;
/// Kinds with counters of their own, at a time.
inline constexpr std::size_t max_counted_kinds = 256;

// -- calls --------------------------------------------------------------------

/// Longest payload and key of an order, in bytes.
inline constexpr std::size_t max_payload = 67'108'864;
inline constexpr std::size_t max_order_key = 256;
inline constexpr std::int32_t max_priority = 3;
/// Longest name of how a payload is encoded.
inline constexpr std::size_t max_codec = 256;
/// Targets of a store: their names are kept for good.
inline constexpr std::size_t max_targets = 16'384;
/// Targets that statistics tell of.
inline constexpr std::size_t max_told_targets = 64;
/// The largest bound that a target may have, in calls or bytes.
inline constexpr std::int64_t max_target_bound = std::int64_t{1} << 48;
/// Longest name of an operator, and longest reason that one gives for what is
/// done to a target.
inline constexpr std::size_t max_operator = 256;
inline constexpr std::size_t max_reason = 4'096;
/// Calls that a store-and-forward actor gets to know of at a time, and how many
/// it may have the tracker look at for that.
inline constexpr std::int32_t max_found_calls = 10'000;
inline constexpr std::int32_t max_scanned_calls = 1'000'000;
/// Operations that one request of an operator may requeue or discard.
inline constexpr std::int64_t max_acted_on = 256;
/// Longest texts that the audit keeps of what was done and why; longer ones are
/// shortened.
inline constexpr std::size_t max_audit_text = 4'096;

// -- questions ----------------------------------------------------------------

/// Lists, histories and new watches of one sender that may be queued; one more
/// is refused with `overloaded`.
inline constexpr std::size_t max_questions = 256;
/// Operations or transitions in an answer.
inline constexpr std::int32_t max_page_size = 1'000;
/// About how large an answer may be, in bytes of memory: one that would be
/// larger ends before, but has one operation or transition at least.
inline constexpr std::size_t max_answer_bytes = 1'048'576;
/// Bytes of such answers that may lie in their askers' mailboxes; one of these
/// may have a quarter of it. With more, questions are refused with `overloaded`
/// until some have been read.
inline constexpr std::size_t max_unread_bytes = 67'108'864;
/// Entries of each list in a filter.
inline constexpr std::size_t max_filter_kinds = 64;
inline constexpr std::size_t max_watched = 1'024;
inline constexpr std::size_t max_awaited = 256;
/// Operations whose status one message asks for.
inline constexpr std::size_t max_asked = 1'000;
/// Bytes of `last_error` in a list that is not `full`.
inline constexpr std::size_t summary_error = 120;
/// Bytes of `operation_filter::error_contains`, and of the shapes there.
inline constexpr std::size_t max_error_part = 1'024;
/// Groups of errors in an answer.
inline constexpr std::size_t max_error_groups = 1'000;
/// Bytes of a cursor; real ones are much shorter.
inline constexpr std::size_t max_cursor = 128;

} // namespace limits

} // namespace waybill
