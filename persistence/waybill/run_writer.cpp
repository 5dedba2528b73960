#include "waybill/run_writer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "waybill/operation_row.hpp"
#include "waybill/page_seal.hpp"

namespace waybill {

namespace {

// What SQLite leaves a row of a page of its own, less the row's head and the
// blob's.
constexpr std::size_t run_page_bytes = sqlite::page_bytes - sqlite::seal_bytes
                                       - 35 - 5;

// A span without a place would be NULL.
constexpr std::array<std::uint8_t, 1> a_byte{};
constexpr std::span<const std::uint8_t> no_bytes{a_byte.data(), 0};

} // namespace

run_sink::run_sink(const run_layout& of, const run_sizes& sizes) noexcept
  : layout_{of},
    page_entries_{std::min(
      static_cast<std::size_t>(std::max<std::int64_t>(1, sizes.page_entries)),
      (run_page_bytes - run_layout::page_head) / of.entry_bytes())} {}

void run_sink::open(sqlite::connection& db) {
  db_ = db.get();
  const std::string name = layout_.name;
  insert_page_ = db.prepare("INSERT INTO " + name
                            + "_page (number, entries) VALUES (?1, ?2)");
  list_ = db.prepare("INSERT INTO " + name
                     + "_run (run, first, next, entries, random, last, fences, "
                       "filter) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  unlist_ = db.prepare("DELETE FROM " + name + "_run WHERE run = ?1");
  delete_pages_ = db.prepare(
    "DELETE FROM " + name + "_page WHERE number IN (SELECT number FROM " + name
    + "_page WHERE number >= ?1 AND number < ?2 LIMIT ?3)");
}

void run_sink::close() noexcept {
  db_ = nullptr;
  for (auto* const stmt : {&insert_page_, &list_, &unlist_, &delete_pages_})
    *stmt = {};
}

void run_sink::insert_page(std::int64_t number,
                           std::span<const std::uint8_t> bytes) {
  insert_page_.bind(1, number);
  insert_page_.bind_borrowed(2, bytes);
  insert_page_.run();
}

void run_sink::list(const packed_run& x) {
  std::vector<std::uint8_t> last;
  append_key(last, layout_, x.last);
  std::vector<std::uint8_t> fences;
  fences.reserve(x.fences.size() * layout_.key_bytes);
  for (const auto& each : x.fences)
    append_key(fences, layout_, each);
  list_.bind(1, x.run);
  list_.bind(2, x.first);
  list_.bind(3, x.next);
  list_.bind(4, x.entries);
  list_.bind(5, x.random);
  list_.bind_borrowed(6, last);
  list_.bind_borrowed(7, fences);
  list_.bind_borrowed(8, x.random > 0 ? x.filter.value().bytes() : no_bytes);
  list_.run();
}

void run_sink::unlist(const packed_run& x) {
  unlist_.bind(1, x.run);
  unlist_.run();
}

std::int64_t run_sink::delete_pages(std::int64_t from, std::int64_t before,
                                    std::int64_t limit) {
  delete_pages_.bind(1, from);
  delete_pages_.bind(2, before);
  delete_pages_.bind(3, limit);
  delete_pages_.run();
  return sqlite3_changes(db_);
}

run_writer::run_writer(run_sink& sink, const run_facts& x)
  : sink_{sink}, filter_{x.random} {
  run_.run = x.run;
  run_.first = x.first;
  run_.next = x.next;
}

void run_writer::add(const run_entry& x) {
  if (run_.entries > 0 && x <= before_)
    row_is_corrupt("a run that is not sorted");
  if (x.number < run_.first || x.number >= run_.next
      || run_.next - run_.first > UINT32_MAX
      || run_.entries >= run_.next - run_.first)
    row_is_corrupt("number " + std::to_string(x.number)
                   + " among those of a run from " + std::to_string(run_.first)
                   + " to before " + std::to_string(run_.next));
  const auto& layout = sink_.layout();
  if (in_page_ == 0) {
    append_number(page_, static_cast<std::uint64_t>(run_.first),
                  run_layout::page_head);
    run_.fences.push_back(x.key);
  }
  append_entry(page_, layout, run_.first, x);
  if (layout.is_random(x.key)) {
    filter_.add(run_hash{x.key});
    ++run_.random;
  }
  ++run_.entries;
  before_ = x;
  if (++in_page_ == sink_.page_entries())
    write_page();
}

void run_writer::write_page() {
  sink_.insert_page(first_page_of(run_.run) + run_.pages() - 1, page_);
  page_.clear();
  in_page_ = 0;
}

run_ptr run_writer::finish() {
  if (run_.entries == 0)
    return nullptr;
  if (in_page_ > 0)
    write_page();
  run_.last = before_.key;
  run_.filter = run_.random > 0 ? std::move(filter_) : run_filter{};
  sink_.list(run_);
  return std::make_shared<const packed_run>(std::move(run_));
}

} // namespace waybill
