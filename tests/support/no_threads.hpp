// A want of threads.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace waybill::test {

/// No thread can be started while it lives, by anyone in this process: each
/// would get a larger stack than there are addresses.
class no_threads {
public:
  no_threads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t all = before_;
    pthread_attr_setstacksize(&all, std::size_t{1} << 47U);
    pthread_setattr_default_np(&all);
  }

  ~no_threads() { pthread_setattr_default_np(&before_); }

  no_threads(const no_threads&) = delete;
  no_threads& operator=(const no_threads&) = delete;

private:
  pthread_attr_t before_{};
};

} // namespace waybill::test
