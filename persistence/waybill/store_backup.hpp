// A copy of a store, made while its owner goes on.
#pragma once

#include <string>

#include "waybill/sqlite.hpp"
#include "waybill/store_reader.hpp"

namespace waybill {

/// See `store_reader::backup`. Must be called in a transaction.
/// @param vfs of the copy: the one that seals pages.
bool back_up(sqlite::connection& from, const std::string& from_file,
             const std::string& to_file, const std::string& vfs,
             const progress_function& progress);

} // namespace waybill
