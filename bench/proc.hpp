// What Linux says about processes and threads.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace waybill::bench {

/// The number behind `key` in a file of /proc; 0 if it is not there.
inline std::int64_t proc_figure(const std::string& file,
                                const std::string& key) {
  std::ifstream in{file};
  std::string word;
  std::int64_t n = 0;
  while (in >> word)
    if (word == key && in >> n)
      return n;
  return 0;
}

} // namespace waybill::bench
