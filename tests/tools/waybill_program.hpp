// Runs the real command on a store.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/store_fixture.hpp"

namespace waybill::test {

/// How a run ended.
struct cli_result {
  int code = -1;
  std::string out;
  std::string err;

  [[nodiscard]] bool says(const std::string& text) const {
    return out.find(text) != std::string::npos;
  }
  [[nodiscard]] bool complains(const std::string& text) const {
    return err.find(text) != std::string::npos;
  }
  [[nodiscard]] nlohmann::json json() const {
    return nlohmann::json::parse(out);
  }
};

/// The lines of a text, without their ends.
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// Each line as JSON.
inline std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> values;
  for (const auto& line : lines_of(text))
    values.push_back(nlohmann::json::parse(line));
  return values;
}

/// Starts `waybill --db FILE …`, in UTC and UTF-8 unless the setting says
/// otherwise.
inline program start_waybill(const std::string& file, program::setting x) {
  x.arguments.insert(x.arguments.begin(), {"--db", file});
  x.environment.insert(x.environment.end(),
                       {"TZ=UTC0", "LC_ALL=C.UTF-8",
                        "COLUMNS=", "NO_COLOR=", "TERM=xterm"});
  return program{WAYBILL_COMMAND, x};
}

inline cli_result end_of(program& x) {
  const auto code = x.wait();
  return {code, x.out(), x.err()};
}

inline cli_result run_waybill(const std::string& file, program::setting x) {
  auto running = start_waybill(file, std::move(x));
  return end_of(running);
}

inline cli_result run_waybill(const std::string& file,
                              std::vector<std::string> arguments) {
  return run_waybill(file, program::setting{.arguments = std::move(arguments)});
}

/// What a terminal of that width shows of a run.
inline std::string shown(const std::string& file, unsigned short columns,
                         program::setting x) {
  pseudo_terminal terminal{columns};
  x.stdout_fd = terminal.get();
  x.stderr_fd = terminal.get();
  auto running = start_waybill(file, x);
  auto text = terminal.shown_by(running);
  CHECK(running.wait() == 0);
  // The terminal adds the carriage returns.
  std::erase(text, '\r');
  return text;
}

/// Runs a copy of the command as someone who may not do everything: as nobody,
/// if we are root.
inline cli_result
run_with_few_rights(const std::string& file,
                    const std::vector<std::string>& arguments) {
  const temp_dir folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
  std::filesystem::copy_file(WAYBILL_COMMAND, folder / "waybill");
  const auto* const script
    = ::geteuid() == 0
        ? "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\""
        : "exec \"$@\"";
  program::setting x{
    .arguments = {"-c", script, "sh", folder / "waybill", "--db", file}};
  x.arguments.insert(x.arguments.end(), arguments.begin(), arguments.end());
  program running{"/bin/sh", x};
  return end_of(running);
}

/// A store with an owner in the test's own process, and the command beside it.
struct cli_fixture : store_fixture {
  cli_result waybill(std::vector<std::string> arguments) {
    return run_waybill(options.file, std::move(arguments));
  }

  /// Without the owner, for commands that want to be it.
  cli_result waybill_alone(std::vector<std::string> arguments) {
    store.close();
    auto result = run_waybill(options.file, std::move(arguments));
    store = operation_tracking_store{options};
    return result;
  }

  /// Records `count` operations from number `first` on, a second apart.
  void record(std::uint64_t count, std::uint64_t first = 1) {
    store.begin();
    for (auto n = first; n < first + count; ++n)
      store.record_enqueue(enqueue(n), at(static_cast<std::int64_t>(n)));
    store.commit();
  }
};

inline std::string id_text(std::uint64_t n) {
  return to_string(id_of(n));
}

/// What follows `--cursor ` in a text, up to the end of the line.
inline std::string cursor_in(const std::string& text) {
  const std::string option = "--cursor ";
  const auto at = text.find(option);
  if (at == std::string::npos)
    return "";
  const auto begin = at + option.size();
  return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
}

/// `text` without what colours and moves the cursor.
inline std::string without_sequences(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    while (i + 1 < text.size()
           && std::isalpha(static_cast<unsigned char>(text[i])) == 0)
      ++i;
  }
  return plain;
}

} // namespace waybill::test
