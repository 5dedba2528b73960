#include "waybill/file_watch.hpp"

#include <utility>

namespace waybill {

void file_watch::begin(const std::string& file) {
  database_ = remember(file);
  log_ = remember(file + "-wal");
  index_ = remember(file + "-shm");
}

void file_watch::database_written() noexcept {
  if (const auto info = look_at(database_.name);
      info && id_of(*info) == database_.id)
    database_.bytes = info->st_size;
}

std::optional<std::string>
file_watch::find_fault(std::int64_t log_bytes) const {
  auto fault = find_fault(database_, database_.bytes);
  if (!fault)
    fault = find_fault(log_, log_bytes);
  if (!fault)
    fault = find_fault(index_, index_.bytes);
  return fault;
}

file_watch::watched file_watch::remember(std::string name) {
  const auto info = look_at(name);
  if (!info)
    return {std::move(name), std::nullopt, 0};
  return {std::move(name), id_of(*info), info->st_size};
}

std::optional<std::string> file_watch::find_fault(const watched& x,
                                                  std::int64_t bytes) {
  if (!x.id)
    return std::nullopt;
  const auto info = look_at(x.name);
  if (!info)
    return x.name + ": was removed while the store was open";
  if (id_of(*info) != x.id)
    return x.name + ": was replaced while the store was open";
  if (info->st_size < bytes)
    return x.name + ": was cut off while the store was open: it has "
           + std::to_string(info->st_size) + " bytes, not "
           + std::to_string(bytes);
  return std::nullopt;
}

} // namespace waybill
