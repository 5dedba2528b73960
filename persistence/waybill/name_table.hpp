// Interned texts: the columns of low cardinality hold small numbers instead.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// All names of a store, in memory. Names are added up to a quota for each
/// field, so that a field of high cardinality cannot crowd out the others; past
/// it, texts are stored in the rows. None is taken away, but one that no row
/// has any more can give its number to another.
class name_table final : public transaction_participant {
public:
  /// Reads all names. With what this gives, names are only looked up.
  void read(sqlite::connection& db);

  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void on_commit() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  /// The number that stands for `text`, if there is one.
  [[nodiscard]] std::optional<std::int64_t>
  id_of(name_field field, const std::string& text) const;

  /// The number that stands for `text`; a new one is inserted in the current
  /// transaction. None if the quota is used up.
  std::optional<std::int64_t> intern(name_field field, std::string_view text);

  /// Whether `text` would be interned: it is already, or the quota is not used
  /// up.
  [[nodiscard]] bool has_room(name_field field, std::string_view text) const;

  /// The numbers of a field's names, in no order.
  [[nodiscard]] std::vector<std::int64_t> ids_of(name_field field) const;

  /// Gives the number of a name that no row has any more to another text, in
  /// the current transaction.
  void rename(std::int64_t id, std::string_view text);

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
  // Makes the tables of ids anew.
  void index_again() noexcept;

  std::vector<entry> texts_; // texts_[i] has the id i + 1
  std::array<index, num_name_fields> ids_;
  std::size_t committed_ = 0;
  // What the transaction has renamed: ids and the texts before, in order.
  std::vector<std::pair<std::int64_t, std::string>> renamed_;
  sqlite::statement insert_;
  sqlite::statement rename_;
  sqlite::statement tell_;
};

} // namespace waybill
