#include "waybill/packed_runs.hpp"

#include <algorithm>
#include <string>

#include "waybill/operation_row.hpp"

namespace waybill {

namespace {

constexpr std::size_t max_merge_inputs = 32;

} // namespace

// Sizes are powers of the fan-in.
packed_runs::packed_runs(const run_layout& layout, const run_sizes& sizes)
  : full_{sizes.full}, source_{layout}, sink_{layout, sizes} {
  const auto factor = std::max<std::int64_t>(2, sizes.fan_in);
  for (auto end = factor;; end *= factor) {
    tier_ends_.push_back(std::min(end, full_));
    if (end >= full_)
      break;
  }
}

void packed_runs::load(sqlite::connection& db, std::int64_t next_run) {
  source_.open(db);
  sink_.open(db);
  runs_ = committed_
    = std::make_shared<const run_list>(source_.list({}, run_filters::read));
  // What a program has begun to merge that died is garbage, and keeps its
  // number until it is gone.
  const auto last_page
    = db.query_int((std::string{"SELECT coalesce(max(number), 0) FROM "}
                    + source_.layout().name + "_page")
                     .c_str());
  next_run_
    = std::max({next_run, last_page / max_run_pages + 1, std::int64_t{1}});
  for (const auto& each : *runs_)
    next_run_ = std::max(next_run_, each->run + 1);
  if (next_run_ >= max_run)
    row_is_corrupt("run " + std::to_string(next_run_ - 1));
  jobs_.clear();
  has_stepped_ = false;
  has_garbage_ = last_page != 0;
}

void packed_runs::close() noexcept {
  jobs_.clear();
  source_.close();
  sink_.close();
}

void packed_runs::on_commit() noexcept {
  committed_ = runs_;
  has_stepped_ = false;
}

void packed_runs::on_rollback() noexcept {
  runs_ = committed_;
  if (has_stepped_)
    jobs_.clear();
  has_stepped_ = false;
  has_garbage_ = true; // what such a merge has written, or a sweep deleted
}

void packed_runs::add(std::span<const run_entry> entries, std::int64_t first,
                      std::int64_t next) {
  const auto& layout = sink_.layout();
  const auto random = std::ranges::count_if(entries, [&](const run_entry& x) {
    return layout.is_random(x.key);
  });
  run_writer writer{sink_, {next_run_++, first, next, random}};
  for (const auto& each : entries)
    writer.add(each);
  if (auto run = writer.finish())
    replace({}, run);
}

void packed_runs::forget(std::int64_t from) {
  // What is under way with nothing left is not worth going on with.
  const auto is_over = [&](const job& x) {
    return x.work->inputs().back()->next <= from;
  };
  const auto dropped = std::erase_if(jobs_, is_over);
  run_list gone;
  for (const auto& each : *runs_)
    if (each->next <= from && !is_merged(each))
      gone.push_back(each);
  for (const auto& each : gone)
    sink_.unlist(*each);
  if (!gone.empty())
    replace(gone, nullptr);
  has_garbage_ = has_garbage_ || dropped > 0 || !gone.empty();
}

void packed_runs::merge(std::int64_t limit, std::int64_t from) {
  begin_merges(from);
  has_stepped_ = has_stepped_ || !jobs_.empty();
  for (auto at = jobs_.begin(); at != jobs_.end();) {
    auto& work = *at->work;
    if (!work.step(limit)) {
      ++at;
      continue;
    }
    for (const auto& each : work.inputs())
      sink_.unlist(*each);
    replace(work.inputs(), work.finish());
    has_garbage_ = true;
    at = jobs_.erase(at);
  }
}

void packed_runs::begin_merges(std::int64_t from) {
  for (std::size_t tier = 0; tier < tier_ends_.size(); ++tier) {
    if (std::ranges::find(jobs_, tier, &job::tier) != jobs_.end())
      continue;
    auto group = find_group(tier);
    if (group.empty())
      continue;
    has_stepped_ = true;
    jobs_.push_back(
      {tier, std::make_unique<run_merge>(source_, sink_, std::move(group),
                                         next_run_++, from)});
  }
}

// Runs beside each other, none of a larger size, that together are of the next
// size: so each entry is merged once for each size at most. Or so many that
// they are merged whatever they become.
run_list packed_runs::find_group(std::size_t tier) const {
  run_list group;
  std::int64_t entries = 0;
  const auto is_enough = [&] {
    return (group.size() > 1 && entries >= tier_ends_[tier])
           || group.size() > max_merge_inputs;
  };
  for (const auto& each : *runs_) {
    if (tier_of(*each) <= tier && each->entries < full_ && !is_merged(each)) {
      group.push_back(each);
      entries += each->entries;
      if (is_enough())
        break;
      continue;
    }
    if (is_enough())
      break;
    group.clear();
    entries = 0;
  }
  if (!is_enough())
    return {};
  group.resize(std::min(group.size(), max_merge_inputs));
  return group;
}

std::size_t packed_runs::tier_of(const packed_run& x) const noexcept {
  std::size_t tier = 0;
  while (tier + 1 < tier_ends_.size() && tier_ends_[tier] <= x.entries)
    ++tier;
  return tier;
}

bool packed_runs::is_merged(const run_ptr& x) const noexcept {
  return std::ranges::any_of(jobs_, [&](const job& each) {
    const auto& inputs = each.work->inputs();
    return std::ranges::find(inputs, x) != inputs.end();
  });
}

void packed_runs::replace(const run_list& gone, const run_ptr& by) {
  auto runs = std::make_shared<run_list>(*runs_);
  std::erase_if(*runs, [&](const run_ptr& x) {
    return std::ranges::find(gone, x) != gone.end();
  });
  if (by) {
    const auto at = std::ranges::upper_bound(
      *runs, by->first, {}, [](const run_ptr& x) { return x->first; });
    runs->insert(at, by);
  }
  runs_ = std::move(runs);
}

std::int64_t packed_runs::sweep(std::int64_t limit) {
  if (!has_garbage_)
    return 0;
  std::vector<std::int64_t> used;
  for (const auto& each : *runs_)
    used.push_back(each->run);
  for (const auto& each : jobs_)
    used.push_back(each.work->number());
  used.push_back(max_run + 1);
  std::ranges::sort(used);
  std::int64_t deleted = 0;
  std::int64_t from = 0;
  for (const auto run : used) {
    deleted += sink_.delete_pages(first_page_of(from), first_page_of(run),
                                  limit - deleted);
    if (deleted >= limit)
      return deleted; // SQLite takes none for a limit of 0, too
    from = run + 1;
  }
  has_garbage_ = false;
  return deleted;
}

} // namespace waybill
