// Interned texts: the columns of low cardinality hold small numbers instead.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// The columns whose texts are interned; numbers as stored in `name.field`.
enum class name_field : std::uint8_t {
  kind = 0,
  target = 1,
  source_instance = 2,
  source_script = 3,
  source_node = 4,
};
inline constexpr std::size_t num_name_fields = 5;

/// All names of a store, in memory. Names are only ever added, up to a quota
/// for each field, so that a field of high cardinality cannot crowd out the
/// others; past it, texts are stored in the rows.
class name_table final : public transaction_participant {
public:
  /// Reads all names. With what this gives, names are only looked up.
  void read(sqlite::connection& db);

  void load(sqlite::connection& db) override;
  void close() noexcept override { insert_ = {}; }
  void on_commit() noexcept override { committed_ = texts_.size(); }
  void on_rollback(bool unfinished) noexcept override;

  /// The number that stands for `text`, if there is one.
  [[nodiscard]] std::optional<std::int64_t>
  id_of(name_field field, const std::string& text) const;

  /// The number that stands for `text`; a new one is inserted in the current
  /// transaction. None if the quota is used up.
  std::optional<std::int64_t> intern(name_field field, std::string_view text);

  /// The text that `id` stands for; none for an id that was never given.
  [[nodiscard]] const std::string* find(std::int64_t id) const noexcept;

private:
  struct entry {
    name_field field;
    std::string text;
  };

  // An open-addressed hash table of ids, for each enqueue looks up five texts:
  // the nodes of a standard one cost three times as much.
  struct slot {
    std::size_t hash = 0;
    std::int64_t id = 0; // 0: empty
  };

  struct index {
    std::vector<slot> slots; // a power of two, at most half of them taken
    std::size_t size = 0;
  };

  [[nodiscard]] std::int64_t find(const index& ids, std::size_t hash,
                                  std::string_view text) const noexcept;
  // texts_[at], for which there is room.
  void put(index& ids, std::size_t at) noexcept;
  void add(name_field field, std::string_view text);

  std::vector<entry> texts_; // texts_[i] has the id i + 1
  std::array<index, num_name_fields> ids_;
  std::size_t committed_ = 0;
  sqlite::statement insert_;
};

} // namespace waybill
