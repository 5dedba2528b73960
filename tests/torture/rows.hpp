// The functions behind the rows, one file each, named as the row.
#pragma once

#include "torture/torture.hpp"

namespace waybill::torture {} // namespace waybill::torture
