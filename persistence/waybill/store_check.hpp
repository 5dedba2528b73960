// Whether a store is sound, as far as reading all of it can tell.
#pragma once

#include <optional>

#include "waybill/check_report.hpp"
#include "waybill/name_table.hpp"
#include "waybill/progress_function.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// See `store_reader::check`. Must be called in a transaction.
std::optional<check_report> check_store(sqlite::connection& db,
                                        const name_table& names,
                                        const progress_function& progress);

} // namespace waybill
