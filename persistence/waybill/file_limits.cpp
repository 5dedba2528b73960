#include "waybill/file_limits.hpp"

#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace waybill::sqlite {

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
