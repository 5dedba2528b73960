// Files with many operations in them, made once and shared by the lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "workload.hpp"

namespace waybill::bench {

class data_files {
public:
  /// Removes its folder, which it makes in `parent`, at the end.
  explicit data_files(const std::filesystem::path& parent);
  ~data_files();
  data_files(const data_files&) = delete;
  data_files& operator=(const data_files&) = delete;

  /// A store with `rows` finished operations. Lines may add to it.
  std::string with_rows(std::int64_t rows, id_kind ids);

  /// A store in which `calls` wait, each with a payload of 1 KiB. Lines leave
  /// as many in it.
  std::string with_calls(std::int64_t calls);

  /// Some of the ids in it.
  const std::vector<tracked_operation_id>& some_ids(std::int64_t rows,
                                                    id_kind ids);

  /// A file that goes, with what SQLite keeps beside it, at the end of its
  /// scope.
  class passing_file {
  public:
    explicit passing_file(std::string name) : name_{std::move(name)} {}
    ~passing_file();
    passing_file(const passing_file&) = delete;
    passing_file& operator=(const passing_file&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

  private:
    std::string name_;
  };

  /// A copy of such a file, to be spoilt.
  passing_file copy_of(std::int64_t rows, id_kind ids);

  /// One that does not exist yet.
  passing_file passing() { return passing_file{fresh()}; }

  /// The name of a file that does not exist yet, and stays until the end.
  std::string fresh();

private:
  using key = std::pair<std::int64_t, id_kind>;

  std::filesystem::path folder_;
  int last_ = 0;
  std::map<key, std::string> made_;
  std::map<key, std::vector<tracked_operation_id>> ids_;
  std::map<std::int64_t, std::string> with_calls_;
};

} // namespace waybill::bench
