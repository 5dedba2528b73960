#include "waybill/store_recovery.hpp"

#include <utility>

#include "waybill/file_ownership.hpp"
#include "waybill/recovered_store.hpp"
#include "waybill/recovery_source.hpp"
#include "waybill/store_backup.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_reader.hpp"

namespace waybill {

namespace {

constexpr std::uint32_t pages_between_looks = 64;

// Nobody may write the store meanwhile. Where we may not make a lock file we
// cannot be its owner either; whether it was written is looked at in the end.
class read_access {
public:
  explicit read_access(const std::string& file)
    : file_{file}, stamp_{stamp_of(file)} {
    if (!folder_is_read_only(file))
      ownership_ = file_ownership{file};
  }
  ~read_access() { ownership_.withdraw(); }
  read_access(const read_access&) = delete;
  read_access& operator=(const read_access&) = delete;

  void check_unwritten() const {
    if (stamp_of(file_) != stamp_)
      unavailable(file_, "has been written while it was read; look again");
  }

private:
  const std::string file_;
  const std::optional<file_stamp> stamp_;
  file_ownership ownership_;
};

class recovery {
public:
  recovery(const std::string& file, unproven_rows unproven,
           const progress_function& progress)
    : source_{file, unproven},
      pages_{source_.file().num_pages()},
      progress_{progress} {}

  // @returns false if `progress` stopped it.
  bool run(const std::string& part) {
    if (!source_.learn([this](auto number) { return go_on(number); }))
      return false;
    if (const auto& fault = source_.file().log_fault())
      remark(*fault);
    {
      recovered_store to{part, source_, report_};
      if (!copy_proven(to))
        return false;
      copy_unproven(to);
      to.finish();
    }
    report_.counted = source_.counted();
    if (report_.counted && *report_.counted != report_.operations)
      remark("the store had counted " + std::to_string(*report_.counted)
             + " operations, but " + std::to_string(report_.operations)
             + " were copied");
    if (report_.unproven > 0)
      report_.is_whole = false;
    return check(part);
  }

  [[nodiscard]] recovery_report take_report() { return std::move(report_); }

private:
  bool copy_proven(recovered_store& to) {
    for (std::uint32_t number = 1; number <= pages_; ++number) {
      if (!go_on(std::uint64_t{pages_} + number))
        return false;
      const auto page = source_.file().read(number);
      if (!page.is_proven)
        note_damage(number);
      const auto found = rows_in(number, page).value_or(salvaged_rows{});
      auto is_sound = page.is_proven && found.unreadable == 0;
      for (const auto& row : found.rows) {
        is_sound = is_sound && row.is_proven;
        if (row.is_proven)
          to.take(row);
      }
      if (!is_sound)
        damaged_.push_back(number);
    }
    return true;
  }

  // Behind those that are: another one of the same number is not what it was.
  void copy_unproven(recovered_store& to) {
    for (const auto number : damaged_) {
      const auto page = source_.file().read(number);
      const auto found = rows_in(number, page);
      const auto is_needed = source_.is_needed(number);
      const auto name = "page " + std::to_string(number)
                        + source_.owner_of(number);
      if (!found && is_needed)
        remark(name + " is damaged: its rows are left out");
      if (!found)
        continue;
      auto lost = found->unreadable;
      for (const auto& row : found->rows) {
        if (row.is_proven)
          continue;
        if (source_.takes(row))
          to.take(row);
        else
          ++lost;
      }
      if (lost == 0 || !is_needed)
        continue;
      report_.left_out += lost;
      remark(name
             + " or one that it goes on in is damaged: " + std::to_string(lost)
             + (lost == 1 ? " row is" : " rows are") + " left out");
    }
  }

  [[nodiscard]] std::optional<salvaged_rows>
  rows_in(std::uint32_t number, const salvaged_page& page) const {
    if (!source_.may_have_rows(number))
      return std::nullopt;
    auto found = read_rows(source_.file(), number, page);
    if (!found || found->are_entries)
      return std::nullopt;
    return found;
  }

  // Each page once. A free one holds nothing.
  void note_damage(std::uint32_t number) {
    if (source_.file().use_of(number) == page_use::free)
      return;
    ++report_.damaged_pages;
    if (number == 1 || salvaged_file::is_map(number))
      remark("page " + std::to_string(number)
             + ", which says how others are used, is damaged: what was "
               "deleted may be there again");
  }

  void remark(std::string text) {
    report_.is_whole = false;
    if (report_.remarks.size() < recovery_report::max_remarks)
      report_.remarks.push_back(std::move(text));
  }

  // Half of the work, measured by the pages read.
  [[nodiscard]] bool go_on(std::uint64_t done) const {
    return !progress_ || done % pages_between_looks != 0
           || progress_(static_cast<std::int64_t>(done),
                        4 * static_cast<std::int64_t>(pages_));
  }

  bool check(const std::string& part) {
    store_reader copied{part};
    const auto found
      = copied.check([this](std::int64_t done, std::int64_t total) {
          return !progress_ || progress_(total + done, 2 * total);
        });
    if (!found)
      return false;
    if (!found->faults.empty())
      throw store_error{errc::store_corrupt,
                        "the new store is not sound, and was removed: "
                          + found->faults.front()};
    return true;
  }

  recovery_source source_;
  std::uint32_t pages_;
  const progress_function& progress_;
  std::vector<std::uint32_t> damaged_; // pages
  recovery_report report_;
};

} // namespace

std::optional<recovery_report>
recover_store(const std::string& file, const std::string& to,
              unproven_rows unproven, const progress_function& progress) {
  const auto from = canonical_store_path(file);
  const auto name = canonical_store_path(to);
  if (from == name)
    unavailable(name, "is the store itself");
  if (!check_store_file(from, file_use::reading))
    unavailable(from, "there is no such file");
  check_companions(from);
  const read_access access{from};
  recovery work{from, unproven, progress};
  unfinished_copy copy{name};
  if (!work.run(copy.part()))
    return std::nullopt;
  auto report = work.take_report();
  if (report.operations == 0 && !report.is_whole)
    throw store_error{errc::store_corrupt,
                      from
                        + (unproven == unproven_rows::copy
                             ? ": no operation in it can be read"
                             : ": no operation in it can be read from a page "
                               "that has its checksum")};
  access.check_unwritten();
  copy.finish();
  return report;
}

} // namespace waybill
