#include "waybill/store_options.hpp"

#include <sqlite3.h>

#include "waybill/messages.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

static_assert(store_options::last_error_cap_range.max
              == std::int64_t{limits::max_last_error});

namespace {

void require(bool in_range, const char* option, const std::string& range) {
  if (!in_range)
    throw store_error{errc::invalid_options,
                      std::string{option} + ": must be " + range};
}

void require(std::int64_t value, const char* option,
             const option_range& range) {
  require(range.holds(value), option, to_text(range));
}

} // namespace

std::string to_text(const option_range& x) {
  return std::to_string(x.min) + " to " + std::to_string(x.max) + " " + x.unit;
}

void validate(const store_options& x) {
  using self = store_options;
  require(static_cast<std::int64_t>(x.last_error_cap), "last_error_cap",
          self::last_error_cap_range);
  require(std::int64_t{x.checkpoint_pages}, "checkpoint_pages",
          self::checkpoint_pages_range);
  require(x.cache_bytes, "cache_bytes", self::cache_bytes_range);
  require(std::int64_t{x.history}, "history", self::history_range);
  require(x.audit_records, "audit_records", self::audit_records_range);
  require(x.max_tombstones, "max_tombstones", self::max_tombstones_range);
  require(x.duplicates_of <= duplicate_scope::all, "duplicates_of",
          "calls or all");
  require(x.synchronous <= durability::full, "synchronous",
          "off, normal or full");
  require(x.vfs.empty() || sqlite3_vfs_find(x.vfs.c_str()) != nullptr, "vfs",
          "the name of a registered SQLite VFS");
}

} // namespace waybill
