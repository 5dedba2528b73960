// A scratch folder for the files of one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace waybill::test {

/// An empty folder of its own, removed with all that is in it at the end.
class temp_dir {
public:
  temp_dir() {
    auto name
      = (std::filesystem::temp_directory_path() / "waybill-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"cannot make a scratch folder like " + name};
    // Stores report canonical names.
    path_ = std::filesystem::canonical(name);
  }

  ~temp_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept {
    return path_;
  }

  /// The name of a file in it.
  [[nodiscard]] std::string operator/(const char* file) const {
    return (path_ / file).string();
  }

private:
  std::filesystem::path path_;
};

} // namespace waybill::test
