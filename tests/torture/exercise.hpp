// A short piece of everything that a tracker is asked, for the rows that do it
// once for each thing that can fail.
#pragma once

#include <functional>
#include <string>

#include "torture/ledger.hpp"

namespace waybill::torture {

/// Sends enqueues, attempts, ends, questions and a purge in a few windows, and
/// tells `book` of the answers. Calling it again repeats the same requests.
/// @param note called with each answer that cannot be true.
/// @param each_window called after each window is answered.
void exercise(
  test::pipeline& client, ledger& book,
  const std::function<void(const std::string&)>& note,
  const std::function<void()>& each_window = [] {});

/// What is wrong with the closed store in `file`, by `book`; empty if nothing
/// is.
std::string fault_in_file(const std::string& file, const ledger& book);

} // namespace waybill::torture
