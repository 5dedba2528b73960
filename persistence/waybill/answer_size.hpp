// How large an answer to a question about much may get.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "waybill/field_list.hpp"
#include "waybill/limits.hpp"

namespace waybill {

/// The memory that an answer takes for one of its parts, in bytes.
template <has_fields Part>
std::size_t bytes_of(const Part& x) {
  auto bytes = sizeof(Part);
  for_each_field(x, [&bytes](const char*, const auto& value) {
    using value_type = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<value_type, std::string>)
      bytes += value.size();
    else if constexpr (std::is_same_v<value_type, std::optional<std::string>>)
      bytes += value ? value->size() : 0;
  });
  return bytes;
}

template <class Parts>
std::size_t bytes_of_all(const Parts& x) {
  std::size_t bytes = 0;
  for (const auto& each : x)
    bytes += bytes_of(each);
  return bytes;
}

/// Whether a page has as many parts as were asked for, or is as large as an
/// answer may be.
class page_limit {
public:
  explicit page_limit(std::int32_t parts) noexcept : left_{parts} {}

  template <has_fields Part>
  void add(const Part& x) {
    --left_;
    bytes_ += bytes_of(x);
  }

  [[nodiscard]] bool is_reached() const noexcept {
    return left_ == 0 || bytes_ >= limits::max_answer_bytes;
  }

private:
  std::int32_t left_;
  std::size_t bytes_ = 0;
};

} // namespace waybill
