#include "interruption.hpp"

#include <csignal>

namespace waybill::cli {

namespace {

volatile std::sig_atomic_t signalled = 0;

} // namespace

void stop_on_signals() {
  signalled = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { signalled = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_asked() noexcept {
  return signalled != 0;
}

} // namespace waybill::cli
