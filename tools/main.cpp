// The operator's command: asks, follows, copies and cleans up waybill stores.
// See `waybill --help` and docs/cli.md.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>

#include "command_line.hpp"
#include "waybill/text.hpp"

namespace {

using namespace waybill::cli;

// A file that is opened later must not take the place of a standard stream that
// is closed: what is printed would end up in it. Reading and writing fail on
// what is put there, as they did before.
void fill_closed_streams() {
  for (const auto fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      static_cast<void>(
        open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

exit_code carry_out(const invocation& x, writer& out) {
  if (!x.run) {
    out.write(x.text);
    out.flush();
    return exit_code::ok;
  }
  context c{x.given, out};
  const auto code = x.run(c);
  out.flush();
  return code;
}

exit_code complain_about(const waybill::store_error& e, const invocation& x) {
  if (e.code() == waybill::errc::store_locked && x.given.file) {
    complain("a running service, or another waybill command, holds "
             + waybill::escape(*x.given.file) + "; stop it first");
    return exit_code::store_error;
  }
  // SQLite names no file; what does is a path from the root.
  const std::string what{e.what()};
  const auto of_file = e.sqlite_code() != 0 && x.given.file
                       && !what.starts_with('/')
                       && what.find(*x.given.file) == what.npos;
  complain(waybill::escape(of_file ? *x.given.file + ": " + what : what));
  return e.code() == waybill::errc::invalid_request ? exit_code::usage
                                                    : exit_code::store_error;
}

// What was printed before an error is worth having.
void flush_quietly(writer& out) {
  try {
    out.flush();
  } catch (const std::exception&) {
    out.discard();
  }
}

exit_code run(const invocation& x) {
  writer out{STDOUT_FILENO, "standard output"};
  try {
    return carry_out(x, out);
  } catch (const reader_gone&) {
    return exit_code::ok;
  } catch (...) {
    flush_quietly(out);
    throw;
  }
}

exit_code main_with_codes(int argc, const char* const* argv) {
  invocation x;
  try {
    x = parse_command_line(argc, argv);
    return run(x);
  } catch (const usage_error& e) {
    complain(e.what());
    return exit_code::usage;
  } catch (const failure& e) {
    complain(e.what());
    return e.code();
  } catch (const waybill::store_error& e) {
    return complain_about(e, x);
  } catch (const std::exception& e) {
    complain(waybill::escape(e.what()));
    return exit_code::store_error;
  }
}

} // namespace

int main(int argc, char** argv) {
  // Whoever reads our output may go away at any time, and a file may reach a
  // limit: both are errors of a write.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  fill_closed_streams();
  return static_cast<int>(main_with_codes(argc, argv));
}
