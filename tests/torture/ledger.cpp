#include "torture/ledger.hpp"

#include <algorithm>

#include "support/requests.hpp"

namespace waybill::torture {

namespace {

std::string about(std::uint64_t n, const std::string& text) {
  return "operation " + std::to_string(n) + ": " + text;
}

// Errors that say that nobody answered.
bool is_silence(const failure& x) {
  return x.code == errc::timed_out || x.code == errc::tracker_gone;
}

stage stage_of(const tracking_status_snapshot& row) {
  if (is_terminal(row.status))
    return stage::finished;
  return row.status == tracking_status::retrying ? stage::retrying
                                                 : stage::submitted;
}

std::string name_of(stage x) {
  constexpr const char* names[] = {"absent", "submitted", "retrying",
                                   "finished", "purged"};
  return names[static_cast<std::size_t>(x)];
}

} // namespace

std::string ledger::told(std::uint64_t n, stage to,
                         const test::any_reply& reply) {
  auto& x = ranges_[n];
  if (const auto* const e = std::get_if<failure>(&reply)) {
    if (is_silence(*e))
      return about(n, "not answered: " + e->text);
    if (certainty_of(e->code) == certainty::unknown)
      x.may_have_reached(to);
    return {};
  }
  if (const auto* const done = std::get_if<enqueue_reply>(&reply)) {
    const auto is_new = done->outcome == enqueue_outcome::inserted;
    if (is_new && x.least != stage::absent)
      return about(n, "inserted again");
    if (!is_new && x.most == stage::absent)
      return about(n, "a duplicate of nothing");
    x.reached(stage::submitted);
    return {};
  }
  switch (std::get<update_reply>(reply).outcome) {
    case update_outcome::applied:
      if (x.most == stage::absent)
        return about(n, "applied to nothing");
      if (x.least >= stage::finished)
        return about(n, "applied after its end");
      x.reached(to);
      return {};
    case update_outcome::already_terminal:
      if (x.most < stage::finished)
        return about(n, "ended by nobody");
      x.reached(stage::finished);
      return {};
    case update_outcome::not_found:
      return fault_in(n, std::nullopt);
  }
  return about(n, "an answer of another kind");
}

std::string ledger::told_purge(const test::any_reply& reply) {
  const auto* const e = std::get_if<failure>(&reply);
  if (e != nullptr && is_silence(*e))
    return "a purge was not answered: " + e->text;
  for (auto& [n, x] : ranges_)
    // A purge goes in steps: one that fails may have come some way.
    if (e == nullptr && x.least == stage::finished)
      x.reached(stage::purged);
    else if (x.most >= stage::finished)
      x.may_have_reached(stage::purged);
  return {};
}

std::string ledger::shown(std::uint64_t n,
                          const std::optional<tracking_status_snapshot>& row) {
  auto fault = fault_in(n, row);
  // What one answer shows is durable: another may not take it back.
  auto& x = ranges_[n];
  if (row)
    x.reached(stage_of(*row));
  else if (x.least > stage::absent)
    x.reached(stage::purged);
  return fault;
}

std::string
ledger::fault_in(std::uint64_t n,
                 const std::optional<tracking_status_snapshot>& row) const {
  const auto at = ranges_.find(n);
  const auto x = at == ranges_.end() ? range{} : at->second;
  if (!row)
    return x.least == stage::absent || x.most == stage::purged
             ? ""
             : about(n, "is gone, but was " + name_of(x.least));
  if (const auto is = stage_of(*row); is < x.least || is > x.most)
    return about(n, "is " + name_of(is) + ", but must be " + name_of(x.least)
                      + " to " + name_of(x.most));
  const auto was = test::enqueue(n);
  if (row->id != was.id || row->kind != was.kind
      || row->target_summary != was.target_summary
      || row->source_node != was.source_node)
    return about(n, "has the values of another");
  return {};
}

std::vector<std::uint64_t> ledger::operations() const {
  std::vector<std::uint64_t> all;
  for (const auto& [n, x] : ranges_)
    all.push_back(n);
  return all;
}

std::pair<std::int64_t, std::int64_t> ledger::bounds() const {
  std::pair<std::int64_t, std::int64_t> sums;
  for (const auto& [n, x] : ranges_) {
    sums.first += x.least > stage::absent && x.most < stage::purged ? 1 : 0;
    sums.second += x.most > stage::absent && x.least < stage::purged ? 1 : 0;
  }
  return sums;
}

} // namespace waybill::torture
