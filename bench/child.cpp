// A process of its own that serves a file, for its memory.

#include <cstdio>
#include <fstream>
#include <string>

#include "clients.hpp"
#include "lines.hpp"

namespace waybill::bench {

namespace {

std::int64_t resident_bytes() {
  std::ifstream file{"/proc/self/status"};
  std::string word;
  std::int64_t kib = 0;
  while (file >> word)
    if (word == "VmRSS:" && file >> kib)
      break;
  return kib * 1'024;
}

} // namespace

int memory_child(const std::string& file) {
  running_tracker tracker{file};
  // Both files see the same work; it fills what there is to fill.
  tracker.run({.what = mix::lifecycle, .operations = 64'000});
  std::printf("%lld\n", static_cast<long long>(resident_bytes()));
  return 0;
}

} // namespace waybill::bench
