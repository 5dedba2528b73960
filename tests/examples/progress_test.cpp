// What examples/site_runtime shows while it runs.

#include "site_runtime/progress.hpp"

#include "support/catch.hpp"

namespace {

using namespace std::chrono_literals;
using site_runtime::progress_figures;
using site_runtime::render_bar;
using site_runtime::render_line;
using waybill::tracking_status;
using waybill::cli::terminal;

progress_figures busy() {
  progress_figures x;
  x.counts[tracking_status::delivered] = 250;
  x.counts[tracking_status::failed] = 12;
  x.counts[tracking_status::parked] = 3;
  x.counts[tracking_status::retrying] = 35;
  x.counts[tracking_status::submitted] = 200;
  x.all_read = true;
  x.elapsed = 65s;
  x.rate = 41.6;
  return x;
}

std::size_t columns(const std::string& text) {
  std::size_t n = 0;
  for (const auto c : text)
    n += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return n;
}

} // namespace

TEST_CASE("the bar never wraps whatever the width") {
  const auto out = terminal::of(-1);
  for (std::size_t width = 1; width <= 200; ++width) {
    CAPTURE(width);
    // The last column stays free: some terminals wrap once it is written.
    CHECK(columns(render_bar(busy(), out, width)) < width);
    CHECK(columns(render_bar({}, out, width)) < width);
  }
}

TEST_CASE("a wide bar has all figures and a narrow one the first") {
  const auto out = terminal::of(-1);
  const auto wide = render_bar(busy(), out, 120);
  for (const auto* figure : {"265/500", "1:05", "250 delivered", "3 parked",
                             "12 failed", "35 retrying", "42/s"})
    CHECK(wide.find(figure) != std::string::npos);
  const auto narrow = render_bar(busy(), out, 30);
  CHECK(narrow.find("265/500") != std::string::npos);
  CHECK(narrow.find("retrying") == std::string::npos);
}

TEST_CASE("the plain line says the same in words") {
  CHECK(render_line(busy())
        == "1:05  265/500 done: 250 delivered, 3 parked, 12 failed, "
           "35 retrying; 42/s");
  auto reading = busy();
  reading.all_read = false;
  reading.elapsed = 3'661s;
  CHECK(render_line(reading).starts_with("1:01:01  265/500+ done"));
  CHECK(render_line({}) == "0:00  0/0+ done; 0/s");
}
