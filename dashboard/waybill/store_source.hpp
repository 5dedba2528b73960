// The store that is looked at: opened when it is asked for, and again when its
// file has been replaced.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "waybill/file_access.hpp"
#include "waybill/store_reader.hpp"

namespace waybill::dashboard {

/// Not to be used by two threads at a time.
class store_source {
public:
  explicit store_source(std::string file);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }

  /// @throws store_error as store_reader does.
  store_reader& reader();

  /// What is open is not used again.
  void forget() noexcept { reader_.reset(); }

  /// When the file or its log was last written; none if it is not there.
  [[nodiscard]] std::optional<timestamp> last_written() const;

private:
  static std::optional<file_id> identity_of(const std::string& file);

  // The log and its index: who has those of a store that has been replaced
  // hears of no commit.
  [[nodiscard]] std::array<std::optional<file_id>, 2> companions() const;

  std::string file_;
  std::optional<store_reader> reader_;
  std::optional<file_id> opened_;
  std::array<std::optional<file_id>, 2> companions_;
};

} // namespace waybill::dashboard
