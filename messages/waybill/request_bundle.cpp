#include "waybill/request_bundle.hpp"

#include <array>

namespace waybill {

bool is_consistent(const request_bundle& x) noexcept {
  std::array<std::size_t, num_bundled_verbs> announced{};
  for (const auto verb : x.verbs) {
    if (verb >= announced.size())
      return false;
    ++announced[verb];
  }
  return announced == std::array{x.enqueues.size(),  x.attempts.size(),
                                 x.terminals.size(), x.questions.size(),
                                 x.takes.size(),     x.begins.size(),
                                 x.retries.size(),   x.ends.size()};
}

} // namespace waybill
