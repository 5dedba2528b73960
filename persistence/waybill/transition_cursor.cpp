#include "waybill/transition_cursor.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "waybill/store_error.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

constexpr std::size_t store_digits = 32;
constexpr std::size_t mark_digits = 16;

std::string to_hex(std::uint64_t x, std::size_t digits) {
  std::string text(digits, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, x >>= 4U)
    *at = "0123456789abcdef"[x & 0xFU];
  return text;
}

std::string store_text(const store_identity& x) {
  std::string text;
  for (const auto byte : x.uuid)
    text += to_hex(byte, 2);
  return text;
}

template <class Integer>
std::optional<Integer> parse(std::string_view text, int base) {
  Integer x = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, x, base);
  if (error != std::errc{} || stop != end || x < 0)
    return std::nullopt;
  return x;
}

[[noreturn]] void refuse(const std::string& why) {
  throw store_error{errc::invalid_request, "after: " + why};
}

[[noreturn]] void refuse_future() {
  refuse("is a cursor of what this store has not done: it was restored from a "
         "backup that had not come so far");
}

} // namespace

transition_cursors::transition_cursors(sqlite::connection& db)
  : store_{store_text(read_identity(db))},
    epoch_at_{db.prepare("SELECT mark FROM epoch WHERE first <= ?1 "
                         "ORDER BY first DESC LIMIT 1")},
    find_{db.prepare("SELECT first FROM epoch WHERE mark = ?1 "
                     "ORDER BY first DESC LIMIT 1")},
    next_{db.prepare("SELECT first FROM epoch WHERE first > ?1 "
                     "ORDER BY first LIMIT 1")} {}

std::string transition_cursors::at(std::int64_t number) {
  epoch_at_.bind(1, number);
  const sqlite::reset_guard guard{epoch_at_};
  if (!epoch_at_.step())
    return std::to_string(number);
  const auto mark = static_cast<std::uint64_t>(epoch_at_.integer(0));
  return store_ + '-' + to_hex(mark, mark_digits) + '-'
         + std::to_string(number);
}

std::int64_t transition_cursors::number_of(const std::string& text,
                                           std::int64_t last) {
  const auto dash = text.find('-');
  if (dash == text.npos) {
    const auto number = parse<std::int64_t>(text, 10);
    if (!number)
      refuse("must be a cursor or the number of a transition, but is \""
             + escape(text) + '"');
    if (*number > last)
      refuse("must be at most " + std::to_string(last)
             + ", the last number of this store, but is " + text
             + "; it may have been restored from a backup");
    return *number;
  }
  const auto mark_at = store_digits + 1;
  const auto number_at = mark_at + mark_digits + 1;
  if (dash != store_digits || text.size() <= number_at
      || text[number_at - 1] != '-')
    refuse("is no cursor that a store has given: \"" + escape(text) + '"');
  const std::string_view all{text};
  const auto mark = parse<std::uint64_t>(all.substr(mark_at, mark_digits), 16);
  const auto number = parse<std::int64_t>(all.substr(number_at), 10);
  if (!mark || !number)
    refuse("is no cursor that a store has given: \"" + escape(text) + '"');
  if (!text.starts_with(store_))
    refuse("is a cursor of another store");
  const auto found = number_in_epoch(*mark, *number);
  if (found > last)
    refuse_future();
  return found;
}

std::int64_t transition_cursors::number_in_epoch(std::uint64_t mark,
                                                 std::int64_t number) {
  find_.bind(1, static_cast<std::int64_t>(mark));
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    refuse("is a cursor of a time that this store does not know: it was "
           "restored from a backup, or opened more than "
           + std::to_string(max_epochs) + " times since");
  const auto first = find_.integer(0);
  next_.bind(1, first);
  const sqlite::reset_guard next_guard{next_};
  if (number < first || (next_.step() && number >= next_.integer(0)))
    refuse_future();
  return number;
}

} // namespace waybill
