#include "context.hpp"

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <utility>

#include "output/data_text.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// Whatever the service keeps of an operation's history, a command takes nothing
// away, and adds nothing where the service keeps none.
std::int32_t history_to_keep(const std::string& file) {
  constexpr std::int32_t all = 10'000;
  try {
    return store_reader{file}.keeps_history() ? all : 0;
  } catch (const store_error&) {
    return all; // a new one, or its owner is told what is wrong
  }
}

// Lets the owner say what is wrong with all but these two.
void check_is_no_new_file(const std::string& file) {
  const auto refuse = [&](const char* reason) {
    throw store_error{errc::store_unavailable, file + ": " + reason};
  };
  std::error_code error;
  const auto status = std::filesystem::symlink_status(file, error);
  if (!std::filesystem::exists(status))
    refuse("there is no such file");
  if (std::filesystem::is_regular_file(status)
      && std::filesystem::file_size(file, error) == 0
      && !std::filesystem::exists(file + "-wal", error))
    refuse("is empty");
}

} // namespace

context::context(settings given, writer& out)
  : given_{std::move(given)},
    out_{out},
    screen_{terminal::of(STDOUT_FILENO, given_.colours)},
    messages_{terminal::of(STDERR_FILENO, given_.colours)} {}

void context::note(const std::string& line) {
  out_.flush();
  complain(line);
}

void context::print_data(const std::string& text) {
  out_.write(screen_.is_terminal() ? data_text(text) : text);
}

void context::print_json(const std::string& text) {
  print_data(text + '\n');
}

store_reader context::open_reader() const {
  reader_options options;
  options.file = file();
  return store_reader{options};
}

operation_tracking_store context::take_store(if_missing what) const {
  // To ask for the ownership makes a store of what is missing or empty.
  if (what == if_missing::refuse)
    check_is_no_new_file(file());
  store_options options;
  options.file = file();
  options.history = history_to_keep(file());
  options.audit_records = store_options::audit_records_range.max;
  options.max_tombstones = store_options::max_tombstones_range.max;
  return operation_tracking_store{options};
}

bool context::close(operation_tracking_store& store) {
  const auto left = store.close();
  if (left)
    note(escape(*left));
  return !left;
}

void complain(const std::string& line) {
  // In one write, so that lines of several programs do not mix.
  std::cerr << "waybill: " + line + '\n' << std::flush;
}

} // namespace waybill::cli
