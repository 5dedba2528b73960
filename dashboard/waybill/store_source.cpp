#include "waybill/store_source.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace waybill::dashboard {

namespace {

// In microseconds; none if the file is not there or has nothing in it.
std::optional<timestamp> written_at(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0 || info.st_size == 0)
    return std::nullopt;
  return timestamp{std::int64_t{info.st_mtim.tv_sec} * 1'000'000
                   + info.st_mtim.tv_nsec / 1'000};
}

} // namespace

store_source::store_source(std::string file) : file_{std::move(file)} {}

store_reader& store_source::reader() {
  const auto file = identity_of(file_);
  if (!reader_ || file != opened_ || companions() != companions_) {
    reader_.reset();
    reader_.emplace(file_);
    opened_ = file;
    companions_ = companions();
  }
  return *reader_;
}

std::optional<timestamp> store_source::last_written() const {
  // Readers leave an empty log behind.
  const auto file = written_at(file_);
  const auto log = written_at(file_ + "-wal");
  return file && log ? std::max(file, log) : file;
}

std::optional<file_id> store_source::identity_of(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0)
    return std::nullopt;
  return id_of(info);
}

std::array<std::optional<file_id>, 2> store_source::companions() const {
  return {identity_of(file_ + "-wal"), identity_of(file_ + "-shm")};
}

} // namespace waybill::dashboard
