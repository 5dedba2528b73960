#include "waybill/recovery_source.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "waybill/schema.hpp"
#include "waybill/status_counters.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using namespace file_format;

// SQLite gives out roots in order, and this is the first table of a store.
constexpr std::uint32_t root_of_store = 3;

// SQLite's locks are on it.
constexpr std::uint32_t never_used = 0x4000'0000 / sqlite::page_bytes + 1;

// Places in the first page.
constexpr std::size_t version_at = 60;
constexpr std::string_view magic{"SQLite format 3\0", 16};

// What is read row by row; all else is made anew.
constexpr std::array<std::string_view, 13> copied{"operation",
                                                  "transition",
                                                  "call",
                                                  "payload",
                                                  "requeue",
                                                  "name",
                                                  "target",
                                                  "audit",
                                                  "target_pause",
                                                  "purged_successor",
                                                  "tombstone_page",
                                                  "purge_time",
                                                  "tombstone_successor"};

bool is_database(const salvaged_page& first) noexcept {
  return std::equal(magic.begin(), magic.end(), first.bytes.begin(),
                    [](char a, std::uint8_t b) {
                      return static_cast<std::uint8_t>(a) == b;
                    });
}

bool is_good_text(const salvaged_value& x) {
  return x.is_text() && is_valid_text(x.bytes);
}

} // namespace

recovery_source::recovery_source(const std::string& file,
                                 unproven_rows unproven)
  : file_{file}, takes_unproven_{unproven == unproven_rows::copy} {
  check_first_page(file);
  file_.read_uses();
}

void recovery_source::check_first_page(const std::string& file) {
  const auto first = file_.read(1);
  const bytes all{first.bytes};
  const auto application_id = big_endian(all.subspan(application_id_at));
  const auto version = big_endian(all.subspan(version_at));
  if (is_database(first) && application_id != store_application_id
      && all[reserved_bytes_at] != sqlite::seal_bytes)
    throw store_error{errc::not_a_store,
                      file + ": is a database of another program"};
  if (first.is_proven && application_id == store_application_id
      && version > static_cast<std::uint32_t>(schema_version))
    throw store_error{errc::newer_schema,
                      file + ": has schema version " + std::to_string(version)
                        + ", but this program knows versions up to "
                        + std::to_string(schema_version)
                        + "; use a newer waybill"};
  // Whoever has tried to open it since may have named a log in it.
  takes_unproven_ = takes_unproven_
                    || (is_database(first)
                        && application_id == store_application_id
                        && version == 1);
}

bool recovery_source::may_have_rows(std::uint32_t number) const noexcept {
  return !salvaged_file::is_map(number) && number != never_used
         && file_.use_of(number) != page_use::free;
}

bool recovery_source::learn(const std::function<bool(std::uint32_t)>& go_on) {
  for (std::uint32_t number = 1; number <= file_.num_pages(); ++number) {
    if (!go_on(number))
      return false;
    if (!may_have_rows(number))
      continue;
    const auto found = read_rows(file_, number, file_.read(number));
    if (!found)
      continue;
    for (const auto& row : found->rows)
      if (found->are_entries)
        add_count(file_.root_of(number), row);
      else if (takes(row))
        learn_from(number, row);
  }
  return true;
}

// What a row is of shows by its columns; the first one is the row's number.
void recovery_source::learn_from(std::uint32_t number,
                                 const salvaged_row& row) {
  const auto& x = row.values;
  if (x.size() == 3 && x[0].is_null() && x[1].is_integer()
      && is_good_text(x[2]))
    names_.emplace(row.rowid, x[2].bytes);
  else if (x.size() == 6 && x[0].is_null() && is_good_text(x[1]))
    targets_.emplace(row.rowid, x[1].bytes);
  else if (x.size() == 5 && is_good_text(x[1]) && x[3].is_integer())
    learn_object(row);
  else if (x.size() == 5 && number == root_of_store && row.rowid == 1
           && x[0].is_null()
           && std::all_of(x.begin() + 1, x.end(),
                          [](const auto& each) { return each.is_integer(); }))
    store_row_ = {x[2].integer, x[3].integer, x[4].integer};
}

void recovery_source::learn_object(const salvaged_row& row) {
  const auto root = row.values[3].integer;
  if (root > 0 && root <= file_.num_pages())
    objects_[static_cast<std::uint32_t>(root)] = row.values[1].bytes;
}

void recovery_source::add_count(std::uint32_t root, const salvaged_row& row) {
  const auto& x = row.values;
  if (x.size() != 3 || !x[0].is_integer() || !x[1].is_integer()
      || !x[2].is_integer())
    return;
  auto& sum = counts_[root];
  sum.is_proven = sum.is_proven && row.is_proven && x[2].integer >= 0
                  && x[2].integer <= max_counted_operations;
  if (sum.is_proven)
    sum.operations += x[2].integer;
}

std::optional<std::int64_t> recovery_source::counted() const {
  for (const auto& [root, name] : objects_)
    if (name == "counter") {
      for (std::uint32_t number = 1; number <= file_.num_pages(); ++number)
        if (file_.root_of(number) == root && !file_.read(number).is_proven)
          return std::nullopt;
      const auto at = counts_.find(root);
      return at != counts_.end() && at->second.is_proven
               ? std::optional{at->second.operations}
               : std::nullopt;
    }
  return std::nullopt;
}

bool recovery_source::is_needed(std::uint32_t number) const {
  if (number == 1 || !may_have_rows(number) || file_.is_above_others(number))
    return false;
  // The row that it belongs to is found to be unreadable or not proven.
  const auto use = file_.use_of(number);
  if (use == page_use::first_overflow || use == page_use::overflow)
    return false;
  const auto root = file_.root_of(number);
  const auto at = objects_.find(root);
  if (at == objects_.end())
    return root != 1; // that is the schema
  return std::ranges::find(copied, at->second) != copied.end();
}

std::string recovery_source::owner_of(std::uint32_t number) const {
  const auto at = objects_.find(file_.root_of(number));
  return at == objects_.end() ? "" : " (" + escape(at->second) + ")";
}

const std::string* recovery_source::name(std::int64_t id) const {
  const auto at = names_.find(id);
  return at == names_.end() ? nullptr : &at->second;
}

const std::string* recovery_source::target(std::int64_t number) const {
  const auto at = targets_.find(number);
  return at == targets_.end() ? nullptr : &at->second;
}

} // namespace waybill
