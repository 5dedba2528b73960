// Ids as people give them: whole, or a beginning that only one has.
#pragma once

#include <string>
#include <vector>

#include "waybill/store_reader.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace waybill::cli {

/// The ids that a text may mean, from `first` to `last`: one if it is whole.
struct id_argument {
  std::string text;
  tracked_operation_id first;
  tracked_operation_id last;

  [[nodiscard]] bool is_whole() const { return first == last; }
  bool operator==(const id_argument&) const = default;
};

/// @param option what an error calls it.
/// @throws usage_error if `text` is no id and no beginning of one with four
///         characters at least.
id_argument read_id(const std::string& option, const std::string& text);

/// Adds the arguments `ID...`, one at least; an id that comes twice counts
/// once.
CLI::Option* add_ids(CLI::App& app, std::vector<id_argument>& to,
                     const std::string& meaning);

/// The same; `-` alone stands for lines of standard input, and sets
/// `from_input`.
void add_ids_or_input(CLI::App& app, std::vector<id_argument>& to,
                      bool& from_input, const std::string& meaning);

/// Adds the argument `ID`.
void add_id(CLI::App& app, std::vector<id_argument>& to,
            const std::string& meaning);

/// The ids that are meant, each once; a whole one need not be recorded.
/// @throws failure `not_found` for a beginning that no recorded id has, `usage`
///         for one that several have, naming them.
std::vector<tracked_operation_id> find_ids(store_reader& reader,
                                           const std::vector<id_argument>& ids);

} // namespace waybill::cli
