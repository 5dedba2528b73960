#include "waybill/file_limits.hpp"

#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace waybill::sqlite {

namespace {

int write_zeros(sqlite3_file* file, sqlite3_int64 from,
                sqlite3_int64 to) noexcept {
  static constexpr std::array<std::uint8_t, 65'536> zeros{};
  while (from < to) {
    const auto n = std::min<sqlite3_int64>(to - from, zeros.size());
    const auto code = write_within_limit(file, zeros.data(),
                                         static_cast<int>(n), from);
    if (code != SQLITE_OK)
      return with_quota(file, code);
    from += n;
  }
  return SQLITE_OK;
}

} // namespace

bool may_have_size(sqlite3_int64 bytes) noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) != 0
         || limit.rlim_cur == RLIM_INFINITY
         || static_cast<rlim_t>(bytes) <= limit.rlim_cur;
}

int write_within_limit(sqlite3_file* file, const void* from, int n,
                       sqlite3_int64 offset) noexcept {
  return may_have_size(offset + n)
           ? file->pMethods->xWrite(file, from, n, offset)
           : SQLITE_FULL;
}

int with_quota(sqlite3_file* file, int code) noexcept {
  auto system_code = 0;
  return code == SQLITE_IOERR_WRITE
             && file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO,
                                             &system_code)
                  == SQLITE_OK
             && (system_code == EDQUOT || system_code == EFBIG)
           ? SQLITE_FULL
           : code;
}

// The file gets a little more than is asked for, so that this is not to be done
// for each page.
int make_room(sqlite3_file* file, sqlite3_int64 used,
              sqlite3_int64 bytes) noexcept {
  constexpr sqlite3_int64 lot = 65'536;
  sqlite3_int64 size = 0;
  auto code = file->pMethods->xFileSize(file, &size);
  if (code != SQLITE_OK || size >= bytes)
    return code;
  const auto begin = std::max(size, used);
  code = write_zeros(file, begin, (bytes + lot - 1) / lot * lot);
  if (code == SQLITE_FULL)
    code = write_zeros(file, begin, bytes);
  if (code != SQLITE_OK) // some of it may have found a place
    file->pMethods->xTruncate(file, begin);
  return code;
}

// The kernel itself writes to each page, which is an error to it where it is a
// signal to us: of what a futex can do, "or" with nothing, which changes
// nothing. (MADV_POPULATE_WRITE does the same, from Linux 5.14 on.)
bool allocate(volatile void* memory, std::size_t bytes) noexcept {
  constexpr std::size_t smallest_page = 4'096;
  constexpr auto nothing = FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0);
  static std::uint32_t nobody = 0; // who would be woken waits for it
  auto* const begin = static_cast<volatile std::uint8_t*>(memory);
  for (std::size_t at = 0; at < bytes; at += smallest_page)
    if (::syscall(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, nullptr,
                  begin + at, nothing)
          < 0
        && errno == EFAULT)
      return false;
  return true;
}

} // namespace waybill::sqlite
