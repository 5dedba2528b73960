#include "waybill/run_merge.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "waybill/operation_row.hpp"

namespace waybill {

run_merge::run_merge(run_source& source, run_sink& sink, run_list of,
                     std::int64_t run, std::int64_t from)
  : source_{source},
    inputs_{std::move(of)},
    number_{run},
    from_{from},
    writer_{sink, facts_of(inputs_, run, from)} {
  cursors_.reserve(inputs_.size());
  for (const auto& each : inputs_) {
    cursors_.push_back({.run = each, .page = {}});
    read_page(cursors_.back());
  }
}

run_writer::run_facts run_merge::facts_of(const run_list& all, std::int64_t run,
                                          std::int64_t from) {
  std::int64_t random = 0;
  for (const auto& each : all)
    random += each->random;
  return {run, std::max(from, all.front()->first), all.back()->next, random};
}

void run_merge::read_page(cursor& x) {
  x.at = 0;
  x.page.clear();
  if (x.next_page == x.run->fences.size())
    return;
  source_.with_page(*x.run, x.next_page, [&](const run_page& page) {
    for (std::size_t i = 0; i < page.size(); ++i)
      x.page.push_back(page.at(i));
  });
  ++x.next_page;
  for (const auto& each : x.page)
    if (each.number >= x.run->next)
      row_is_corrupt("number " + std::to_string(each.number) + " in run "
                     + std::to_string(x.run->run));
}

bool run_merge::step(std::int64_t limit) {
  for (; limit > 0 && !cursors_.empty(); --limit) {
    auto first = cursors_.begin();
    for (auto at = first + 1; at != cursors_.end(); ++at)
      if (at->page[at->at] < first->page[first->at])
        first = at;
    if (const auto& entry = first->page[first->at]; entry.number >= from_)
      writer_.add(entry);
    if (++first->at == first->page.size()) {
      read_page(*first);
      if (first->page.empty())
        cursors_.erase(first);
    }
  }
  return cursors_.empty();
}

} // namespace waybill
