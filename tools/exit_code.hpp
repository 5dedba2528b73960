// How the command ends, and the errors that say so.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace waybill::cli {

/// The exit codes; `waybill --help` lists them.
enum class exit_code : int {
  ok = 0,
  /// An operation, its payload, or a target that was asked for is not in the
  /// store.
  not_found = 1,
  /// Wrong arguments, or input that is not what it should be.
  usage = 2,
  /// The store, a file or the output failed.
  store_error = 3,
  /// `wait` ended before the operations did.
  timeout = 4,
  /// `--exit-code` was given, and there is something that needs a look;
  /// `recover` has not copied all, or is not certain of all.
  alarm = 5,
  /// Stopped by SIGINT or SIGTERM.
  interrupted = 130,
};

/// Says which argument is wrong, and what it should be. The text is ready to be
/// printed: what comes from outside is escaped in it.
class usage_error : public std::invalid_argument {
public:
  using std::invalid_argument::invalid_argument;
};

/// Says what ended the command. The text is ready to be printed.
class failure : public std::runtime_error {
public:
  explicit failure(const std::string& what,
                   exit_code code = exit_code::store_error)
    : std::runtime_error{what}, code_{code} {}

  [[nodiscard]] exit_code code() const noexcept { return code_; }

private:
  exit_code code_;
};

/// Nobody reads the output any more, which is no failure: `waybill list |
/// head`.
class reader_gone : public std::exception {
public:
  [[nodiscard]] const char* what() const noexcept override {
    return "nobody reads the output any more";
  }
};

} // namespace waybill::cli
