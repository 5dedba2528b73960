// A process of its own that serves a file, for its memory.

#include <cstdio>
#include <string>

#include "clients.hpp"
#include "lines.hpp"
#include "proc.hpp"

namespace waybill::bench {

int memory_child(const std::string& file) {
  running_tracker tracker{file};
  // Both files see the same work; it fills what there is to fill.
  tracker.run({.what = mix::lifecycle, .operations = 64'000});
  const auto kib = proc_figure("/proc/self/status", "VmRSS:");
  std::printf("%lld\n", static_cast<long long>(1'024 * kib));
  return 0;
}

} // namespace waybill::bench
