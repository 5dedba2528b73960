#include "waybill/name_table.hpp"

#include "waybill/messages.hpp"

namespace waybill {

namespace {

// Kinds have counters of their own, hence the public limit.
constexpr std::array<std::size_t, num_name_fields> quotas{
  limits::max_counted_kinds, 1'024, 1'024, 1'024, 1'024};

} // namespace

void name_table::read(sqlite::connection& db) {
  texts_.clear();
  for (auto& ids : ids_)
    ids.clear();
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
}

void name_table::load(sqlite::connection& db) {
  read(db);
  insert_
    = db.prepare("INSERT INTO name (id, field, text) VALUES (?1, ?2, ?3)");
}

std::optional<std::int64_t> name_table::id_of(name_field field,
                                              const std::string& text) const {
  const auto& ids = ids_.at(static_cast<std::size_t>(field));
  const auto at = ids.find(text);
  return at == ids.end() ? std::nullopt : std::optional{at->second};
}

std::optional<std::int64_t> name_table::intern(name_field field,
                                               std::string_view text) {
  const auto index = static_cast<std::size_t>(field);
  auto& ids = ids_.at(index);
  if (const auto at = ids.find(text); at != ids.end())
    return at->second;
  if (ids.size() >= quotas.at(index))
    return std::nullopt;
  insert_.bind(1, static_cast<std::int64_t>(texts_.size()) + 1);
  insert_.bind(2, static_cast<std::int64_t>(field));
  insert_.bind_borrowed(3, text);
  insert_.run();
  add(field, text);
  return static_cast<std::int64_t>(texts_.size());
}

const std::string* name_table::find(std::int64_t id) const noexcept {
  if (id < 1 || static_cast<std::size_t>(id) > texts_.size())
    return nullptr;
  return &texts_[static_cast<std::size_t>(id) - 1].text;
}

void name_table::on_rollback() {
  while (texts_.size() > committed_) {
    const auto& last = texts_.back();
    ids_.at(static_cast<std::size_t>(last.field)).erase(last.text);
    texts_.pop_back();
  }
}

void name_table::add(name_field field, std::string_view text) {
  texts_.push_back({field, std::string{text}});
  ids_.at(static_cast<std::size_t>(field))
    .emplace(text, static_cast<std::int64_t>(texts_.size()));
}

} // namespace waybill
