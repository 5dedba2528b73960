#include "waybill/name_table.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "waybill/messages.hpp"

namespace waybill {

namespace {

// Kinds have counters of their own, hence the public limit.
constexpr std::array<std::size_t, num_name_fields> quotas{
  limits::max_counted_kinds, 1'024, 1'024, 1'024, 1'024};

std::size_t hash_of(std::string_view text) noexcept {
  return std::hash<std::string_view>{}(text);
}

} // namespace

void name_table::read(sqlite::connection& db) {
  texts_.clear();
  ids_ = {};
  auto stmt = db.prepare("SELECT id, field, text FROM name ORDER BY id");
  while (stmt.step()) {
    // Ids count from 1 without a gap; anything else would decode rows wrongly.
    const auto field = stmt.integer(1);
    if (stmt.integer(0) != static_cast<std::int64_t>(texts_.size()) + 1
        || field < 0 || field >= static_cast<std::int64_t>(num_name_fields))
      throw store_error{errc::store_corrupt,
                        "the table of names has a gap or a bad field at id "
                          + std::to_string(stmt.integer(0))};
    add(static_cast<name_field>(field), stmt.text(2));
  }
  committed_ = texts_.size();
  renamed_.clear();
}

void name_table::load(sqlite::connection& db) {
  read(db);
  insert_
    = db.prepare("INSERT INTO name (id, field, text) VALUES (?1, ?2, ?3)");
  rename_ = db.prepare("UPDATE name SET text = ?2 WHERE id = ?1");
  // Readers look at this to see that they have to read the names again.
  tell_ = db.prepare("UPDATE store SET opens = opens + 1");
}

void name_table::close() noexcept {
  insert_ = {};
  rename_ = {};
  tell_ = {};
}

std::optional<std::int64_t> name_table::id_of(name_field field,
                                              const std::string& text) const {
  const auto id = find(ids_.at(static_cast<std::size_t>(field)), hash_of(text),
                       text);
  return id == 0 ? std::nullopt : std::optional{id};
}

std::optional<std::int64_t> name_table::intern(name_field field,
                                               std::string_view text) {
  const auto number = static_cast<std::size_t>(field);
  const auto& ids = ids_.at(number);
  if (const auto id = find(ids, hash_of(text), text); id != 0)
    return id;
  if (ids.size >= quotas.at(number))
    return std::nullopt;
  insert_.bind(1, static_cast<std::int64_t>(texts_.size()) + 1);
  insert_.bind(2, static_cast<std::int64_t>(field));
  insert_.bind_borrowed(3, text);
  insert_.run();
  add(field, text);
  return static_cast<std::int64_t>(texts_.size());
}

bool name_table::has_room(name_field field, std::string_view text) const {
  const auto number = static_cast<std::size_t>(field);
  return ids_.at(number).size < quotas.at(number)
         || find(ids_.at(number), hash_of(text), text) != 0;
}

std::vector<std::int64_t> name_table::ids_of(name_field field) const {
  const auto& of_field = ids_.at(static_cast<std::size_t>(field));
  std::vector<std::int64_t> ids;
  ids.reserve(of_field.size);
  for (const auto& each : of_field.slots)
    if (each.id != 0)
      ids.push_back(each.id);
  return ids;
}

void name_table::rename(std::int64_t id, std::string_view text) {
  std::string copied{text};
  renamed_.reserve(renamed_.size() + 1);
  tell_.run();
  rename_.bind(1, id);
  rename_.bind_borrowed(2, text);
  rename_.run();
  auto& now = texts_.at(static_cast<std::size_t>(id) - 1).text;
  renamed_.emplace_back(id, std::exchange(now, std::move(copied)));
  index_again();
}

const std::string* name_table::find(std::int64_t id) const noexcept {
  if (id < 1 || static_cast<std::size_t>(id) > texts_.size())
    return nullptr;
  return &texts_[static_cast<std::size_t>(id) - 1].text;
}

void name_table::on_commit() noexcept {
  committed_ = texts_.size();
  renamed_.clear();
}

void name_table::on_rollback(bool /*unfinished*/) noexcept {
  if (texts_.size() == committed_ && renamed_.empty())
    return;
  for (; !renamed_.empty(); renamed_.pop_back())
    texts_[static_cast<std::size_t>(renamed_.back().first) - 1].text
      = std::move(renamed_.back().second);
  texts_.erase(texts_.begin() + static_cast<std::ptrdiff_t>(committed_),
               texts_.end());
  index_again();
}

void name_table::index_again() noexcept {
  for (auto& ids : ids_) {
    std::ranges::fill(ids.slots, slot{});
    ids.size = 0;
  }
  for (std::size_t i = 0; i < texts_.size(); ++i)
    put(ids_.at(static_cast<std::size_t>(texts_[i].field)), i);
}

std::int64_t name_table::find(const index& ids, std::size_t hash,
                              std::string_view text) const noexcept {
  if (ids.slots.empty())
    return 0;
  const auto mask = ids.slots.size() - 1;
  for (auto at = hash & mask; ids.slots[at].id != 0; at = (at + 1) & mask) {
    const auto& x = ids.slots[at];
    if (x.hash == hash
        && texts_[static_cast<std::size_t>(x.id) - 1].text == text)
      return x.id;
  }
  return 0;
}

void name_table::put(index& ids, std::size_t at) noexcept {
  const auto hash = hash_of(texts_[at].text);
  const auto mask = ids.slots.size() - 1;
  auto place = hash & mask;
  while (ids.slots[place].id != 0)
    place = (place + 1) & mask;
  ids.slots[place] = {hash, static_cast<std::int64_t>(at) + 1};
  ++ids.size;
}

void name_table::add(name_field field, std::string_view text) {
  auto& ids = ids_.at(static_cast<std::size_t>(field));
  texts_.push_back({field, std::string{text}});
  if (2 * (ids.size + 1) <= ids.slots.size()) {
    put(ids, texts_.size() - 1);
    return;
  }
  ids.slots.assign(std::max<std::size_t>(64, 2 * ids.slots.size()), slot{});
  ids.size = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i)
    if (texts_[i].field == field)
      put(ids, i);
}

} // namespace waybill
