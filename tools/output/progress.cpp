#include "output/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "interruption.hpp"
#include "output/text_width.hpp"
#include "waybill/times.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

// A progress line is a courtesy: whether it can be written does not matter.
void write_quietly(std::string_view text) noexcept {
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

std::string whole_text(double x) {
  return std::to_string(static_cast<std::int64_t>(x));
}

std::string time_left(double seconds) {
  if (seconds < 1)
    return "less than 1 s left";
  if (seconds < 60)
    return whole_text(seconds) + " s left";
  // Beyond a year it is a guess of no use, and may not fit the type.
  const auto whole = static_cast<std::int64_t>(std::min(seconds, 31'536'000.0));
  return duration_text(std::chrono::seconds{whole}) + " left";
}

std::string amount(progress_unit unit, std::int64_t n) {
  return unit == progress_unit::bytes ? size_text(n) : std::to_string(n);
}

} // namespace

std::string render_progress(const std::string& verb, progress_unit unit,
                            const progress_figures& x, std::size_t width) {
  auto line = verb;
  const auto total = std::max(x.total, x.done);
  const auto percent = x.total > 0 ? 100 * static_cast<double>(x.done)
                                       / static_cast<double>(total)
                                   : 0;
  if (unit == progress_unit::parts) {
    line += ' ' + whole_text(percent) + " %";
  } else {
    line += ' ' + amount(unit, x.done);
    if (x.total > 0)
      line += " of " + amount(unit, total) + " (" + whole_text(percent) + " %)";
  }
  // The first moments tell nothing about a rate.
  if (unit != progress_unit::events && x.elapsed >= 500ms && x.done > 0) {
    const auto seconds = std::chrono::duration<double>{x.elapsed}.count();
    const auto rate = static_cast<double>(x.done) / seconds;
    line += ", "
            + (unit == progress_unit::parts
                 ? whole_text(percent / seconds) + " %"
                 : amount(unit, static_cast<std::int64_t>(rate)))
            + "/s";
    if (x.total > 0)
      line += ", " + time_left(static_cast<double>(total - x.done) / rate);
  }
  return width == 0 ? line : fit(line, width, "~");
}

progress::progress(terminal screen, std::string verb, progress_unit unit)
  : screen_{screen},
    verb_{std::move(verb)},
    unit_{unit},
    // Work that is done in a moment shows nothing.
    next_{began_ + 300ms} {}

bool progress::is_shown() const noexcept {
  return screen_.is_interactive();
}

void progress::show(std::int64_t done, std::int64_t total) {
  const auto now = clock::now();
  if (!is_shown() || now < next_)
    return;
  next_ = now + 100ms;
  const progress_figures figures{
    .done = done,
    .total = total,
    .elapsed
    = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_)};
  // A terminal wraps when its last column is written, so that stays free.
  const auto room = std::max<std::size_t>(screen_.width(), 2) - 1;
  write_quietly('\r' + render_progress(verb_, unit_, figures, room) + "\x1b[K");
  visible_ = true;
}

void progress::clear() noexcept {
  if (std::exchange(visible_, false))
    write_quietly("\r\x1b[K");
}

std::function<bool(std::int64_t, std::int64_t)> progress::until_stopped() {
  return [this](std::int64_t done, std::int64_t total) {
    show(done, total);
    return !stop_asked();
  };
}

} // namespace waybill::cli
