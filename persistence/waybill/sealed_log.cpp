#include "waybill/sealed_log.hpp"

#include <algorithm>
#include <utility>

#include "waybill/file_limits.hpp"
#include "waybill/log_name.hpp"

namespace waybill::sqlite {

using namespace file_format;

namespace {

constexpr log_salt no_salt{};

// A place in the log: a frame, and how many bytes into it.
struct place {
  std::size_t n;
  std::size_t at;
};

std::optional<place> place_of(sqlite3_int64 offset) noexcept {
  constexpr auto size = frame_header_bytes + page_bytes;
  const auto x = static_cast<std::size_t>(offset);
  if (x < log_header_bytes)
    return std::nullopt;
  return place{(x - log_header_bytes) / size, (x - log_header_bytes) % size};
}

log_checksum words_at(bytes x, bool are_big_endian) noexcept {
  const auto word = are_big_endian ? big_endian : little_endian;
  return {word(x), word(x.subspan(4))};
}

// The checksum of a frame whose last 8 bytes were `was` and are `is`, and
// before which it is `real` where SQLite took it for `claimed`: the sums are
// linear, so nothing in between need be read.
log_checksum corrected(log_checksum sum, log_checksum claimed,
                       log_checksum real, log_checksum was,
                       log_checksum is) noexcept {
  const auto words = is - was;
  return sum + (real - claimed).over_zeros<8 + page_bytes>()
         + log_checksum{words.a, words.a + words.b};
}

} // namespace

sealed_log::sealed_log(sqlite3_file* log, sqlite3_file* database,
                       log_syncer& syncer, log_findings& found) noexcept
  : log_{log}, database_{database}, syncer_{&syncer}, found_{&found} {}

int sealed_log::fail(damage what, std::size_t number) noexcept {
  found_->what = what;
  found_->number = number + 1;
  return SQLITE_CORRUPT;
}

int sealed_log::read_at(std::span<std::uint8_t> to,
                        std::size_t offset) noexcept {
  return log_->pMethods->xRead(log_, to.data(), static_cast<int>(to.size()),
                               static_cast<sqlite3_int64>(offset));
}

int sealed_log::write_at(bytes from, std::size_t offset) noexcept {
  return write_within_limit(log_, from.data(), static_cast<int>(from.size()),
                            static_cast<sqlite3_int64>(offset));
}

// -- reading ------------------------------------------------------------------

int sealed_log::read(std::span<std::uint8_t> to, sqlite3_int64 offset) {
  if (const auto code = write_held_header(); code != SQLITE_OK)
    return code;
  const auto at = place_of(offset);
  read_n_ = at && at->at == 0 && to.size() == frame_bytes ? at->n : none;
  if (at && at->at == frame_header_bytes && to.size() == page_bytes)
    return read_page(at->n, to);
  const auto code = read_at(to, static_cast<std::size_t>(offset));
  // Only recovery reads the header: the log is about to be believed.
  return code == SQLITE_OK && offset == 0 && to.size() == log_header_bytes
           ? verify_name(to)
           : code;
}

int sealed_log::verify_name(bytes x) {
  ++found_->recoveries;
  const log_header log{x.first<log_header_bytes>()};
  if (!log.is_valid())
    return SQLITE_OK; // no log to SQLite either
  log_name name;
  if (const auto code = read_log_name(database_, name); code != SQLITE_OK)
    return code;
  if (name.is_damaged)
    return fail(damage::log_name, 0);
  if (!name.is_unnamed)
    return name.admits(log.salt()) ? SQLITE_OK : fail(damage::foreign_log, 0);
  // The first page that version 1 put into a log had lost its seal.
  std::array<std::uint8_t, frame_bytes> first{};
  if (read_at(first, frame_offset(0, page_bytes)) != SQLITE_OK)
    return SQLITE_OK;
  const log_frame frame{first};
  return frame.follows(log.checksum(), log)
             && is_sealed(std::span{std::as_const(first)}.last<page_bytes>(),
                          frame.page_number() - 1)
           ? fail(damage::foreign_log, 0)
           : SQLITE_OK;
}

int sealed_log::load_header() noexcept {
  has_header_ = false;
  const auto code = read_at(header_, 0);
  has_header_ = code == SQLITE_OK;
  return code;
}

int sealed_log::checksum_before(std::size_t n, log_checksum& out) noexcept {
  if (n == 0) {
    out = header().checksum();
    return SQLITE_OK;
  }
  std::array<std::uint8_t, 8> sum{};
  const auto code
    = read_at(sum, frame_offset(n - 1, page_bytes) + frame_checksum_at);
  out = checksum_at(sum);
  return code;
}

// A frame that a reader uses is committed, and stays as it is while it does.
int sealed_log::read_page(std::size_t n, std::span<std::uint8_t> to) {
  const auto code = read_at(read_, frame_offset(n, page_bytes));
  if (code != SQLITE_OK)
    return code == SQLITE_IOERR_SHORT_READ ? fail(damage::frame, n) : code;
  const log_frame frame{read_};
  const auto page = std::span{std::as_const(read_)}.last<page_bytes>();
  // Someone else may have begun the log anew since.
  if (!has_header_ || header().salt() != frame.salt())
    if (const auto fault = load_header(); fault != SQLITE_OK)
      return fault == SQLITE_IOERR_SHORT_READ ? fail(damage::frame, n) : fault;
  log_checksum before;
  if (const auto fault = checksum_before(n, before); fault != SQLITE_OK)
    return fault;
  const auto good = n < unchained_from_
                      ? frame.follows(before, header())
                      : is_sealed(page, frame.page_number() - 1);
  if (!good)
    return fail(damage::frame, n);
  copy_bytes(page, to.data());
  return SQLITE_OK;
}

int sealed_log::verify(std::size_t frames) {
  if (is_verified_ || frames == 0)
    return SQLITE_OK;
  const auto code_of = [this](int code, std::size_t n) {
    return code == SQLITE_IOERR_SHORT_READ ? fail(damage::frame, n) : code;
  };
  if (const auto code = load_header(); code != SQLITE_OK)
    return code_of(code, 0);
  std::size_t n = 0;
  if (const auto code = find_last_transactions(frames, n); code != SQLITE_OK)
    return code_of(code, frames);
  log_checksum before;
  if (const auto code = checksum_before(n, before); code != SQLITE_OK)
    return code_of(code, n);
  for (; n < frames; ++n) {
    if (const auto code = read_at(read_, frame_offset(n, page_bytes));
        code != SQLITE_OK)
      return code_of(code, n);
    const log_frame frame{read_};
    if (!frame.follows(before, header()))
      return fail(damage::frame, n);
    before = frame.checksum();
  }
  is_verified_ = true;
  return SQLITE_OK;
}

// Where the last two begin that have more than one page.
int sealed_log::find_last_transactions(std::size_t frames,
                                       std::size_t& begin) noexcept {
  auto long_ones = 0;
  auto end = frames; // of the one that is gone through
  for (begin = frames; begin > 0; --begin) {
    std::array<std::uint8_t, frame_header_bytes> head{};
    if (const auto code = read_at(head, frame_offset(begin - 1, page_bytes));
        code != SQLITE_OK)
      return code;
    if (begin == frames || !log_frame{head}.is_commit())
      continue;
    long_ones += end - begin > 1 ? 1 : 0;
    end = begin;
    if (long_ones == 2)
      break;
  }
  return SQLITE_OK;
}

// -- writing ------------------------------------------------------------------

int sealed_log::write(bytes from, sqlite3_int64 offset) {
  const auto at = place_of(offset);
  const auto read_n = std::exchange(read_n_, none);
  is_verified_ = false;
  if (held_ > 0) {
    if (at && at->n == held_n_ && at->at == held_
        && held_ + from.size() <= frame_bytes)
      return hold(held_n_, from, held_);
    if (const auto code = write_held_header(); code != SQLITE_OK)
      return code;
  }
  const auto lone = std::exchange(lone_header_, none);
  if (at && at->n == lone && at->at == frame_header_bytes)
    return hold(lone, from, frame_header_bytes);
  owed_sync_.reset();
  if (at && at->at == 0 && from.size() < frame_bytes) {
    const auto code = hold(at->n, from, 0);
    // A checksum that is made anew, for which SQLite has read the frame: no
    // page comes after it, and after the last of them nothing at all.
    const auto is_alone = at->n >= unchained_from_ && at->n == read_n;
    return code == SQLITE_OK && is_alone ? write_held_header() : code;
  }
  if (at && at->at == frame_header_bytes && from.size() == page_bytes)
    return write_page_alone(at->n, from);
  if (const auto code = syncer_->finish(); code != SQLITE_OK)
    return code;
  last_ = {};
  return offset == 0 ? begin(from)
                     : write_at(from, static_cast<std::size_t>(offset));
}

// The header, which tells this log from all others.
int sealed_log::begin(bytes from) {
  if (from.size() >= log_header_bytes) {
    const log_header next{from.first<log_header_bytes>()};
    if (const auto code = name(next.salt()); code != SQLITE_OK)
      return code;
    has_header_ = false;
  }
  unchained_from_ = none;
  syncer_->header_written();
  return write_at(from, 0);
}

int sealed_log::name(log_salt salt) {
  log_name named;
  if (const auto code = read_log_name(database_, named); code != SQLITE_OK)
    return code;
  if (named.is_damaged)
    return fail(damage::log_name, 0);
  const auto before = load_header();
  if (before != SQLITE_OK && before != SQLITE_IOERR_SHORT_READ)
    return before;
  const auto is_there = has_header_ && header().is_valid();
  if (is_there && header().salt() == salt && named.admits(salt))
    return SQLITE_OK; // the same log, written again
  if (!is_there && named != log_name{})
    // A log that has been cut or removed could come back by a power loss, and
    // its name is about to be given up.
    if (const auto code = log_->pMethods->xSync(log_, SQLITE_SYNC_NORMAL);
        code != SQLITE_OK)
      return code;
  log_name next{.current = salt};
  if (is_there && header().salt() != salt)
    next.previous = header().salt();
  is_settled_ = next.previous == no_salt;
  if (const auto code = write_log_name(database_, next); code != SQLITE_OK)
    return code;
  return database_->pMethods->xSync(database_, SQLITE_SYNC_NORMAL);
}

int sealed_log::settle_name() {
  if (is_settled_)
    return SQLITE_OK;
  log_name named;
  if (const auto code = read_log_name(database_, named); code != SQLITE_OK)
    return code;
  if (named.is_damaged)
    return fail(damage::log_name, 0);
  if (load_header() == SQLITE_OK && header().is_valid())
    if (const log_name next{.current = header().salt()}; next != named)
      if (const auto code = write_log_name(database_, next); code != SQLITE_OK)
        return code;
  is_settled_ = true;
  return SQLITE_OK;
}

int sealed_log::hold(std::size_t n, bytes from, std::size_t at) {
  copy_bytes(from, frame_.data() + at);
  held_n_ = n;
  held_ = at + from.size();
  return held_ == frame_bytes ? write_frame() : SQLITE_OK;
}

// Puts the name of the log into the first page as well.
int sealed_log::seal_held_page() noexcept {
  const auto number = log_frame{frame_}.page_number();
  if (number == 0)
    return SQLITE_OK; // no page has it
  if (number == 1) {
    log_name named;
    if (const auto code = read_log_name(database_, named); code != SQLITE_OK)
      return code;
    if (named.is_damaged)
      return fail(damage::log_name, 0);
    put_log_name(held_page().data(), named);
  }
  seal(held_page(), number - 1);
  return SQLITE_OK;
}

int sealed_log::write_frame() {
  const auto n = held_n_;
  const auto before = std::exchange(last_, {});
  const auto owed = std::exchange(owed_sync_, std::nullopt);
  held_ = 0;
  if (const auto code = syncer_->finish(); code != SQLITE_OK)
    return code;
  if (!has_header_)
    if (const auto code = load_header(); code != SQLITE_OK)
      return code;
  const log_frame frame{frame_};
  const auto order = header().sums_are_big_endian();
  const auto seal_at = bytes{frame_}.last(seal_bytes);
  const auto claimed = frame.checksum();
  const auto was = words_at(seal_at, order);
  if (const auto code = seal_held_page(); code != SQLITE_OK)
    return code;
  log_checksum real;
  // Between transactions SQLite may have taken its sum from elsewhere.
  if (before.next == n && !before.is_commit && frame.page_number() != 1) {
    real = corrected(claimed, before.claimed, before.real, was,
                     words_at(seal_at, order));
  } else {
    if (const auto code = checksum_before(n, real); code != SQLITE_OK)
      return code;
    real = frame.computed_checksum(real, header());
  }
  put_big_endian(&frame_[frame_checksum_at], real.a);
  put_big_endian(&frame_[frame_checksum_at + 4], real.b);
  const auto code = write_at(frame_, frame_offset(n, page_bytes));
  if (code != SQLITE_OK)
    return code;
  if (n <= unchained_from_)
    unchained_from_ = none;
  last_ = {n + 1, claimed, real, frame.is_commit()};
  return owed ? syncer_->sync(*owed) : SQLITE_OK;
}

// SQLite replaces a page that the open transaction has put into the log, and
// makes the checksums from there on anew before it commits.
int sealed_log::write_page_alone(std::size_t n, bytes from) {
  if (const auto code = syncer_->finish(); code != SQLITE_OK)
    return code;
  const auto at = frame_offset(n, page_bytes);
  if (const auto code = read_at(std::span{frame_}.first<frame_header_bytes>(),
                                at);
      code != SQLITE_OK)
    return code;
  copy_bytes(from, held_page().data());
  if (const auto code = seal_held_page(); code != SQLITE_OK)
    return code;
  unchained_from_ = std::min(unchained_from_, n);
  return write_at(held_page(), at + frame_header_bytes);
}

// A header without a page is one whose checksum SQLite has made anew from what
// lies in the log, and so is right.
int sealed_log::write_held_header() {
  const auto size = std::exchange(held_, 0);
  if (size == 0)
    return SQLITE_OK;
  owed_sync_.reset();
  last_ = {};
  if (const auto code = syncer_->finish(); code != SQLITE_OK)
    return code;
  const auto code = write_at(bytes{frame_}.first(size),
                             frame_offset(held_n_, page_bytes));
  if (code != SQLITE_OK || size != frame_header_bytes)
    return code;
  if (held_n_ == unchained_from_)
    ++unchained_from_;
  const log_frame frame{frame_};
  last_ = {held_n_ + 1, frame.checksum(), frame.checksum(), frame.is_commit()};
  return SQLITE_OK;
}

// -- the rest -----------------------------------------------------------------

int sealed_log::truncate(sqlite3_int64 size) {
  const auto code = finish();
  last_ = {};
  has_header_ = false;
  return code == SQLITE_OK ? log_->pMethods->xTruncate(log_, size) : code;
}

int sealed_log::sync(int flags) {
  if (held_ > 0) {
    if (held_ != frame_header_bytes) {
      owed_sync_ = flags;
      return SQLITE_OK; // what was to be synced has been written before
    }
    const auto n = held_n_;
    if (const auto code = write_held_header(); code != SQLITE_OK)
      return code;
    lone_header_ = n;
    owed_sync_ = flags;
  }
  return syncer_->sync(flags);
}

int sealed_log::size(sqlite3_int64* out) {
  const auto code = write_held_header();
  return code == SQLITE_OK ? log_->pMethods->xFileSize(log_, out) : code;
}

int sealed_log::finish() {
  const auto held = write_held_header();
  const auto code = syncer_->finish();
  return held == SQLITE_OK ? code : held;
}

} // namespace waybill::sqlite
