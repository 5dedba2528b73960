// A site runtime's outbound calls, tracked: pushes calls to an external system
// and writes to a remote database through store-and-forward, and can be asked
// what became of each, also after kill -9. See `site_runtime --help`.

#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>

#include "site_runtime/arguments.hpp"
#include "site_runtime/output.hpp"
#include "site_runtime/run.hpp"
#include "site_runtime/status_query.hpp"
#include "waybill/ask.hpp"
#include "waybill/store_error.hpp"
#include "waybill/text.hpp"

namespace {

using site_runtime::exit_code;

exit_code serve(int argc, const char* const* argv) {
  const auto arguments = site_runtime::parse_arguments(argc, argv);
  if (arguments.help)
    return site_runtime::write_all(STDOUT_FILENO, site_runtime::help_text())
               == 0
             ? exit_code::finished
             : exit_code::output_failed;
  return arguments.status ? site_runtime::show_status(arguments)
                          : site_runtime::run(arguments);
}

exit_code complain(const std::string& what, exit_code code) {
  std::cerr << "site_runtime: " << what << '\n';
  if (code == exit_code::wrong_usage)
    std::cerr << "Try site_runtime --help.\n";
  return code;
}

exit_code main_with_codes(int argc, const char* const* argv) {
  try {
    return serve(argc, argv);
  } catch (const site_runtime::usage_error& e) {
    return complain(e.what(), exit_code::wrong_usage);
  } catch (const waybill::store_error& e) {
    complain(waybill::escape(e.what()), exit_code::store_failed);
    if (e.code() == waybill::errc::store_locked)
      std::cerr << "Another site_runtime is running on it: wait, or name "
                   "another file with --db.\n";
    return exit_code::store_failed;
  } catch (const std::exception& e) {
    return complain(waybill::escape(e.what()), exit_code::store_failed);
  }
}

} // namespace

int main(int argc, char** argv) {
  // Whoever reads our output or answers our calls may go away at any time.
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(main_with_codes(argc, argv));
}
