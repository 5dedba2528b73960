// What a recovery has to know of a damaged store before it copies rows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "waybill/recovery_report.hpp"
#include "waybill/salvaged_file.hpp"
#include "waybill/salvaged_rows.hpp"

namespace waybill {

/// The row of `store`.
struct salvaged_store_row {
  std::int64_t last_number = 0;
  std::int64_t missing_to = 0;
  std::int64_t off_to = 0;
};

class recovery_source {
public:
  /// @throws store_error `not_a_store`, `newer_schema`, `store_unavailable`
  recovery_source(const std::string& file, unproven_rows unproven);

  /// Reads names, targets, the schema and counters.
  /// @returns false if `go_on` said so.
  bool learn(const std::function<bool(std::uint32_t)>& go_on);

  [[nodiscard]] const salvaged_file& file() const noexcept { return file_; }

  /// Whether rows count that are not proven.
  [[nodiscard]] bool takes(const salvaged_row& x) const noexcept {
    return x.is_proven || takes_unproven_;
  }

  /// Whether the page may hold rows that are copied.
  [[nodiscard]] bool may_have_rows(std::uint32_t number) const noexcept;

  /// Whether losing the page loses a row.
  [[nodiscard]] bool is_needed(std::uint32_t number) const;

  /// What the page is part of, for people.
  [[nodiscard]] std::string owner_of(std::uint32_t number) const;

  [[nodiscard]] const std::string* name(std::int64_t id) const;
  [[nodiscard]] const std::string* target(std::int64_t number) const;

  [[nodiscard]] const std::optional<salvaged_store_row>&
  store_row() const noexcept {
    return store_row_;
  }

  /// See recovery_report.
  [[nodiscard]] std::optional<std::int64_t> counted() const;

private:
  void check_first_page(const std::string& file);
  void learn_from(std::uint32_t number, const salvaged_row& row);
  void learn_object(const salvaged_row& row);
  void add_count(std::uint32_t root, const salvaged_row& row);

  struct count {
    std::int64_t operations = 0;
    bool is_proven = true;
  };

  salvaged_file file_;
  bool takes_unproven_;
  std::map<std::uint32_t, std::string> objects_; // by root
  std::map<std::int64_t, std::string> names_;
  std::map<std::int64_t, std::string> targets_;
  std::map<std::uint32_t, count> counts_; // by root
  std::optional<salvaged_store_row> store_row_;
};

} // namespace waybill
