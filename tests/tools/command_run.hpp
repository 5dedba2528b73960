// Runs a command in this process, where a test says what time it is and knows
// when the command waits.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "tools/waybill_program.hpp"

namespace waybill::test {

/// Waits until `x` has printed `text`; a minute at most.
inline bool prints(const program& x, const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now()
                        + std::chrono::minutes{1};
  while (std::chrono::steady_clock::now() < deadline) {
    if (x.out().find(text) != std::string::npos)
      return true;
    if (!x.is_running())
      return x.out().find(text) != std::string::npos;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return false;
}

/// Signals do again what they did, and errors go where they went, at its end.
class caught_effects {
public:
  caught_effects() : errors_{std::cerr.rdbuf(text_.rdbuf())} {
    sigaction(SIGINT, nullptr, &on_int_);
    sigaction(SIGTERM, nullptr, &on_term_);
  }
  ~caught_effects() {
    sigaction(SIGINT, &on_int_, nullptr);
    sigaction(SIGTERM, &on_term_, nullptr);
    std::cerr.rdbuf(errors_);
  }
  caught_effects(const caught_effects&) = delete;
  caught_effects& operator=(const caught_effects&) = delete;

  [[nodiscard]] std::string errors() const { return text_.str(); }

private:
  std::ostringstream text_;
  std::streambuf* errors_;
  struct sigaction on_int_ {};
  struct sigaction on_term_ {};
};

/// Runs a command on `file`.
/// @param prepare changes its settings; gets the file with its output, too.
inline cli_result run_here(
  const std::string& file, std::vector<std::string> words,
  const std::function<void(cli::settings&, const std::string&)>& prepare) {
  const temp_dir dir;
  const auto shown = dir / "out";
  const descriptor to{
    ::open(shown.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
  words.insert(words.begin(), {"waybill", "--db", file});
  std::vector<const char*> argv;
  for (const auto& word : words)
    argv.push_back(word.c_str());
  auto x = cli::parse_command_line(static_cast<int>(argv.size()), argv.data());
  prepare(x.given, shown);
  const caught_effects effects;
  cli::writer out{to.get(), "out"};
  cli_result result{0, "", ""};
  try {
    cli::context c{x.given, out};
    result.code = static_cast<int>(x.run(c));
    out.flush();
  } catch (const cli::reader_gone&) {
    FAIL("the command waits for more");
  } catch (const cli::failure& e) {
    result.code = static_cast<int>(e.code());
    std::cerr << e.what();
  }
  return {result.code, read_file(shown), effects.errors()};
}

} // namespace waybill::test
