// What every command works with: the store's file, the streams, the clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "exit_code.hpp"
#include "output/terminal.hpp"
#include "output/writer.hpp"
#include "service_client.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/times.hpp"

namespace waybill::cli {

/// How often a file that does not change is looked at.
constexpr std::chrono::milliseconds look_again{100};

/// The options of every command.
struct settings {
  /// The database file.
  std::optional<std::string> file;
  /// JSON instead of text for people.
  bool json = false;
  zone where = zone::local;
  colour_choice colours = colour_choice::automatic;
  /// How a command that follows a store waits between two looks at it, until a
  /// signal at most: false if nobody reads its output any more. Tests put their
  /// own there; none: `writer::wait`.
  std::function<bool(std::chrono::milliseconds)> pause = {};
  /// The clock that a rate is kept by; none: the steady one. For tests, too.
  std::function<std::chrono::steady_clock::time_point()> steady = {};
};

class context {
public:
  /// @pre `given.file` is set.
  context(settings given, writer& out);

  [[nodiscard]] const std::string& file() const { return *given_.file; }
  [[nodiscard]] bool json() const { return given_.json; }
  [[nodiscard]] zone where() const { return given_.where; }

  /// Standard output.
  [[nodiscard]] writer& out() { return out_; }
  /// What standard output can show.
  [[nodiscard]] const terminal& screen() const { return screen_; }
  /// What standard error can show.
  [[nodiscard]] const terminal& messages() const { return messages_; }

  /// The time when the command began.
  [[nodiscard]] timestamp now() const { return now_; }

  /// Prints `waybill: LINE` on standard error, behind what was printed before.
  /// @param line ready to be printed.
  void note(const std::string& line);

  /// See `settings::pause`.
  [[nodiscard]] bool pause(std::chrono::milliseconds time) const {
    return given_.pause ? given_.pause(time) : out_.wait(time);
  }

  /// See `settings::steady`.
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const {
    return given_.steady ? given_.steady() : std::chrono::steady_clock::now();
  }

  /// Writes text for programs: as it is, but on a terminal without what could
  /// steer it; see `data_text`.
  void print_data(const std::string& text);

  /// Writes one JSON text and a line end.
  void print_json(const std::string& text);

  /// Opens the store to look at it, whoever owns it.
  /// @throws store_error
  [[nodiscard]] store_reader open_reader() const;

  /// The service that runs on the store, if commands reach it.
  /// @throws failure if who listens in its place may not have the store.
  [[nodiscard]] std::optional<service_client> service() const {
    return service_client::connect(file());
  }

  enum class if_missing : std::uint8_t { refuse, create };

  /// Takes the ownership of the store.
  /// @throws store_error; `store_locked` while a service runs,
  ///         `store_unavailable` if there is no such file.
  [[nodiscard]] operation_tracking_store take_store(if_missing what
                                                    = if_missing::refuse) const;

  /// Closes it, and notes if its log has to stay beside the file.
  /// @returns whether the log was copied into the file.
  bool close(operation_tracking_store& store);

private:
  const settings given_;
  writer& out_;
  const terminal screen_;
  const terminal messages_;
  const timestamp now_ = timestamp::now();
};

/// Prints `waybill: LINE` on standard error.
void complain(const std::string& line);

} // namespace waybill::cli
