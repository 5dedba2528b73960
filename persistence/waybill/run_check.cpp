#include "waybill/run_check.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "waybill/operation_row.hpp"
#include "waybill/run_source.hpp"

namespace waybill {

namespace {

constexpr std::size_t run_pages_between_looks = 32;

// One run after the other.
class run_checker {
public:
  run_checker(sqlite::connection& db, const run_layout& layout,
              const fault_function& fault,
              const std::function<void(const run_entry&)>& each,
              const std::function<bool()>& go_on)
    : source_{layout},
      pages_{db.prepare(std::string{"SELECT count(*) FROM "} + layout.name
                        + "_page WHERE number >= ?1 AND number < ?2")},
      fault_{fault},
      each_{each},
      go_on_{go_on} {
    source_.open(db);
  }

  std::optional<run_list> run() {
    const auto all = source_.list({}, run_filters::read);
    for (const auto& each : all)
      if (!check(*each))
        return std::nullopt;
    return all;
  }

private:
  bool check(const packed_run& x) {
    const auto name = std::string{source_.layout().name} + " run "
                      + std::to_string(x.run) + ": ";
    bool is_whole = true;
    check_damage(fault_, name, [&] { is_whole = check_pages(x, name); });
    return is_whole;
  }

  bool check_pages(const packed_run& x, const std::string& name) {
    numbers_.clear();
    random_ = 0;
    last_.reset();
    for (std::size_t k = 0; k < x.fences.size(); ++k) {
      source_.with_page(x, k, [&](const run_page& page) {
        if (page.key_at(0) != x.fences[k])
          fault_(name + "page " + std::to_string(k)
                 + " does not begin as is said");
        for (std::size_t i = 0; i < page.size(); ++i)
          check_entry(x, page.at(i), name);
      });
      if (k % run_pages_between_looks == 0 && !go_on_())
        return false;
    }
    check_sums(x, name);
    return true;
  }

  void check_entry(const packed_run& x, const run_entry& entry,
                   const std::string& name) {
    const auto tell = [&](const char* what) {
      fault_(name + "number " + std::to_string(entry.number) + what);
    };
    if (last_ && entry <= *last_)
      tell(" is not in its place");
    if (entry.number >= x.next)
      tell(" does not belong there");
    if (source_.layout().is_random(entry.key)) {
      ++random_;
      if (!x.filter.value().may_have(run_hash{entry.key}))
        tell(" is not in the filter");
    }
    numbers_.push_back(entry.number);
    last_ = entry;
    each_(entry);
  }

  void check_sums(const packed_run& x, const std::string& name) {
    const auto entries = std::ssize(numbers_);
    if (entries != x.entries || random_ != x.random)
      fault_(name + "has " + std::to_string(entries) + " entries, "
             + std::to_string(random_) + " in its filter, but should have "
             + std::to_string(x.entries) + ", " + std::to_string(x.random));
    if (last_->key != x.last)
      fault_(name + "does not end as is said");
    std::ranges::sort(numbers_);
    if (std::ranges::adjacent_find(numbers_) != numbers_.end())
      fault_(name + "has a number twice");
    pages_.bind(1, first_page_of(x.run));
    pages_.bind(2, first_page_of(x.run + 1));
    const sqlite::reset_guard guard{pages_};
    pages_.step();
    if (pages_.integer(0) != x.pages())
      fault_(name + "has " + std::to_string(pages_.integer(0))
             + " pages, but should have " + std::to_string(x.pages()));
  }

  run_source source_;
  sqlite::statement pages_;
  const fault_function& fault_;
  const std::function<void(const run_entry&)>& each_;
  const std::function<bool()>& go_on_;
  std::vector<std::int64_t> numbers_;
  std::int64_t random_ = 0;
  std::optional<run_entry> last_;
};

} // namespace

std::optional<run_list>
check_runs(sqlite::connection& db, const run_layout& layout,
           const fault_function& fault,
           const std::function<void(const run_entry&)>& each,
           const std::function<bool()>& go_on) {
  return run_checker{db, layout, fault, each, go_on}.run();
}

} // namespace waybill
