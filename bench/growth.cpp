// What many rows cost: time and space.

#include <filesystem>

#include "baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"

namespace waybill::bench {

namespace {

void growth(bench& b, const std::string& name, id_kind ids, double limit) {
  const auto many = b.out.pick(500'000, 10'000'000);
  const auto few = std::int64_t{10'000};
  const auto operations = b.out.pick(32'000, 128'000);
  std::uint64_t seed = 100;
  const auto us = [&](std::int64_t rows) {
    const auto us_in = [&](const std::string& file) {
      running_tracker tracker{file};
      return 1e6
             / tracker
                 .run({.what = mix::lifecycle,
                       .operations = operations,
                       .ids_made = ids,
                       .seed = ++seed})
                 .rate();
    };
    // A small file would not stay small.
    return rows == few ? us_in(b.files.copy_of(rows, ids).name())
                       : us_in(b.files.with_rows(rows, ids));
  };
  b.files.with_rows(many, ids);
  b.files.with_rows(few, ids);
  const auto x = interleave(
    b.repeats, [&] { return us(many); }, [&] { return us(few); });
  b.out.figure(name + ".many", x.a, "µs a lifecycle");
  b.out.figure(name + ".few", x.b, "µs a lifecycle");
  b.out.ratio(name, x.ratio, goal::at_most, limit);
}

// Bytes a row, after all checkpoints.
double bytes_a_row(sqlite_file& db, const std::string& file,
                   const char* table) {
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto rows = db.number(std::string{"SELECT count(*) FROM "} + table);
  return static_cast<double>(std::filesystem::file_size(file))
         / static_cast<double>(rows);
}

} // namespace

void growth_v7(bench& b) {
  growth(b, "growth_v7", id_kind::v7, 1.3);
}

void growth_v4(bench& b) {
  growth(b, "growth_v4", id_kind::v4, 3);
}

// The same operations in both: recorded, then half of them purged, then as many
// recorded again. The larger of the ratios counts.
void bytes_vs_text(bench& b) {
  const auto rows = b.out.pick(100'000, 500'000);
  const auto t0 = timestamp::now();
  const auto at = [&](std::int64_t n) { return timestamp{t0.us() + n}; };
  double worst = 0;
  for (const auto kind : {id_kind::v7, id_kind::v4}) {
    const auto file = b.files.fresh();
    const auto text_file = b.files.fresh();
    id_source ids{kind, 7};
    std::int64_t next = 0;
    raw_store ours{file, durability::off};
    text_store text{text_file};
    const auto record = [&](std::int64_t count) {
      ours.begin();
      text.begin();
      for (const auto end = next + count; next < end; ++next) {
        const auto id = ids();
        const auto n = static_cast<std::uint64_t>(next);
        ours.finished(id, n, at(next).us());
        text.finished(id, n, at(next));
      }
      ours.commit();
      text.commit();
    };
    const auto compare = [&](const std::string& when) {
      const auto a = bytes_a_row(ours.file(), file, "operation");
      const auto c = bytes_a_row(text.file(), text_file, "OperationTracking");
      const auto name = std::string{"bytes_vs_text."}
                        + (kind == id_kind::v7 ? "v7." : "v4.") + when;
      b.out.figure(name, a, "bytes a row");
      b.out.figure(name + ".text", c, "bytes a row");
      worst = std::max(worst, a / c);
    };
    record(rows);
    compare("recorded");
    ours.begin();
    while (ours.purge_chunk(at(rows / 2).us(), 10'000) > 0) {
      // all of them
    }
    ours.commit();
    text.purge(at(rows / 2));
    record(rows / 2);
    compare("reused");
  }
  b.out.ratio("bytes_vs_text", worst, goal::at_most, 0.5);
}

} // namespace waybill::bench
