// What is written to the process's standard output in a scope.
#pragma once

#include <cstdio>
#include <string>

#include "support/files.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

namespace waybill::test {

/// Turns standard output to a file; what comes there is shown by nobody.
class captured_stdout {
public:
  captured_stdout()
    : before_{::dup(STDOUT_FILENO)},
      file_{
        ::open((dir_ / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)} {
    std::fflush(stdout);
    ::dup2(file_.get(), STDOUT_FILENO);
  }

  ~captured_stdout() {
    std::fflush(stdout);
    ::dup2(before_.get(), STDOUT_FILENO);
  }

  captured_stdout(const captured_stdout&) = delete;
  captured_stdout& operator=(const captured_stdout&) = delete;

  [[nodiscard]] std::string text() const {
    std::fflush(stdout);
    return read_file(dir_ / "out");
  }

private:
  const temp_dir dir_;
  const descriptor before_;
  const descriptor file_;
};

} // namespace waybill::test
