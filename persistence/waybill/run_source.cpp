#include "waybill/run_source.hpp"

#include <algorithm>
#include <string>

#include "waybill/operation_row.hpp"
#include "waybill/page_seal.hpp"

namespace waybill {

namespace {

[[noreturn]] void run_is_corrupt(const packed_run& x, const std::string& what) {
  row_is_corrupt("run " + std::to_string(x.run) + ", " + what);
}

// All but its fences and its filter.
std::shared_ptr<packed_run> decode_run(const sqlite::statement& row,
                                       const run_layout& layout) {
  auto x = std::make_shared<packed_run>();
  x->run = row.integer(0);
  x->first = row.integer(1);
  x->next = row.integer(2);
  x->entries = row.integer(3);
  x->random = row.integer(4);
  if (x->run < 1 || x->run > max_run)
    run_is_corrupt(*x, "which is no number of one");
  if (x->first < 1 || x->next <= x->first || x->next > max_run_number
      || x->next - x->first > UINT32_MAX)
    run_is_corrupt(*x, "with numbers from " + std::to_string(x->first)
                         + " to before " + std::to_string(x->next));
  if (x->entries < 1 || x->entries > x->next - x->first || x->random < 0
      || x->random > x->entries)
    run_is_corrupt(*x, "with " + std::to_string(x->entries) + " entries, "
                         + std::to_string(x->random) + " in its filter");
  const auto last = row.blob(5);
  if (last.size() != layout.key_bytes)
    run_is_corrupt(*x, "whose last key has " + std::to_string(last.size())
                         + " bytes");
  x->last = decode_key(layout, last);
  return x;
}

} // namespace

void run_source::open(sqlite::connection& db) {
  const std::string runs = std::string{layout_.name} + "_run";
  list_
    = db.prepare("SELECT run, first, next, entries, random, last FROM " + runs);
  fences_ = db.prepare("SELECT fences FROM " + runs + " WHERE run = ?1");
  filter_ = db.prepare("SELECT filter FROM " + runs + " WHERE run = ?1");
  page_ = db.prepare(std::string{"SELECT entries FROM "} + layout_.name
                     + "_page WHERE number = ?1");
}

void run_source::close() noexcept {
  for (auto* const stmt : {&list_, &fences_, &filter_, &page_})
    *stmt = {};
}

run_list run_source::list(const run_list& known, run_filters filters) {
  run_list runs;
  {
    const sqlite::reset_guard guard{list_};
    while (list_.step()) {
      const auto at = std::ranges::find_if(known, [&](const run_ptr& x) {
        return x->run == list_.integer(0);
      });
      if (at != known.end()) {
        runs.push_back(*at);
        continue;
      }
      auto x = decode_run(list_, layout_);
      read_rest(*x, filters);
      runs.push_back(std::move(x));
    }
  }
  std::ranges::sort(runs, {}, [](const run_ptr& x) { return x->first; });
  for (std::size_t i = 1; i < runs.size(); ++i)
    if (runs[i]->first < runs[i - 1]->next)
      run_is_corrupt(*runs[i], "which has numbers of run "
                                 + std::to_string(runs[i - 1]->run));
  return runs;
}

void run_source::read_rest(packed_run& x, run_filters filters) {
  fences_.bind(1, x.run);
  const sqlite::reset_guard guard{fences_};
  fences_.step();
  const auto stored = fences_.blob(0);
  const auto size = layout_.key_bytes;
  const auto pages = static_cast<std::int64_t>(stored.size() / size);
  if (stored.size() % size != 0 || pages < 1 || pages > x.entries
      || pages > max_run_pages)
    run_is_corrupt(x, "whose fences have " + std::to_string(stored.size())
                        + " bytes");
  // What is made room for must be in the file.
  if (x.entries > pages
                    * static_cast<std::int64_t>(sqlite::page_bytes
                                                / layout_.entry_bytes()))
    run_is_corrupt(x, "with " + std::to_string(x.entries) + " entries in "
                        + std::to_string(pages) + " pages");
  x.fences.reserve(static_cast<std::size_t>(pages));
  for (std::size_t at = 0; at < stored.size(); at += size)
    x.fences.push_back(decode_key(layout_, stored.subspan(at, size)));
  if (!std::ranges::is_sorted(x.fences) || x.last < x.fences.back())
    run_is_corrupt(x, "whose fences are not sorted");
  if (filters == run_filters::leave_out)
    return;
  filter_.bind(1, x.run);
  const sqlite::reset_guard other_guard{filter_};
  filter_.step();
  x.filter = run_filter::of(filter_.blob(0));
  if (!x.filter || x.filter->bytes().empty() != (x.random == 0))
    run_is_corrupt(x, "whose filter has "
                        + std::to_string(filter_.blob(0).size()) + " bytes");
}

void run_source::require_page(bool ok, const packed_run& x, std::size_t k) {
  if (!ok)
    run_is_corrupt(x, "whose page " + std::to_string(k)
                        + " is missing, or another one's");
}

std::optional<run_entry>
run_source::find(const run_list& runs, const run_key& key, std::int64_t from) {
  const run_hash hash{key};
  const auto* const random = layout_.is_random(key) ? &hash : nullptr;
  for (auto at = runs.rbegin(); at != runs.rend(); ++at) {
    const auto& run = **at;
    if (run.next <= from)
      return std::nullopt; // and so are those before it
    if (!run.may_have(key, random))
      continue;
    std::optional<run_entry> found;
    with_page(run, run.page_of(key),
              [&](const run_page& page) { found = page.find(key); });
    if (!found)
      continue;
    if (found->number >= run.next)
      run_is_corrupt(run, "with number " + std::to_string(found->number));
    return found->number < from ? std::nullopt : found;
  }
  return std::nullopt;
}

} // namespace waybill
