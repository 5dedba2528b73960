// Row 15: stores with damaged files. An answer is the true one or an error.
//
// What is damaged is a real store: closed, or killed with transactions in its
// log. Most of the damaged files are used through the store itself, for speed,
// every 20th through the service.
//
// Two things no format can tell, and they are counted apart: a log that lost
// its last transaction (or was cut, or taken away) looks as it does after a
// power loss before the sync; and checksums that were made to fit the damage
// are a forgery. Forged files must crash nothing, and what is found in them
// must stop the store as well.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>

#include "support/files.hpp"
#include "support/requests.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/file_format.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using random_source = std::mt19937_64;

constexpr std::size_t page = sqlite::page_bytes;
constexpr std::size_t log_header = file_format::log_header_bytes;
constexpr std::size_t frame_header = file_format::frame_header_bytes;
constexpr std::size_t frame = frame_header + page;
constexpr std::uint64_t operations = 48;
constexpr std::uint64_t transactions = 8;

const timestamp later = at(1'000);

template <class F>
std::optional<errc> error_of(F&& f) {
  try {
    f();
  } catch (const store_error& e) {
    return e.code();
  }
  return std::nullopt;
}

std::size_t below(random_source& random, std::size_t n) {
  return static_cast<std::size_t>(random() % n);
}

// -- what is true -------------------------------------------------------------

using rows_by_id = std::map<std::uint64_t, tracking_status_snapshot>;

/// The files of a store, and what it holds.
struct sample {
  std::string database;
  std::string log;
  /// The state after each transaction in the log; the last one is the truth.
  std::vector<rows_by_id> states;
  /// Where each transaction in the log ends.
  std::vector<std::size_t> ends;
};

record_enqueue odd_enqueue(std::uint64_t n) {
  auto x = enqueue(n, "kind " + std::to_string(n % 5));
  if (n % 3 == 0)
    x.target_summary.reset();
  if (n % 4 == 0)
    x.source_script = "script " + std::to_string(n);
  return x;
}

/// One transaction: six operations come, others go on.
void change(operation_tracking_store& store, std::uint64_t k) {
  constexpr auto step = operations / transactions;
  const auto now = at(static_cast<std::int64_t>(k));
  store.begin();
  for (auto n = k * step + 1; n <= (k + 1) * step; ++n) {
    store.record_enqueue(odd_enqueue(n), now);
    if (n > 3) {
      auto x = attempt(n - 3, 2);
      x.last_error = std::string(n % 7 == 0 ? 4'096 : 20 + n, 'e');
      store.record_attempt(x, now);
    }
    if (n > 5 && n % 2 == 0)
      store.record_terminal(terminal(n - 5, test::terminal_statuses[n / 2 % 4]),
                            now);
  }
  store.commit();
}

rows_by_id state_of(operation_tracking_store& store) {
  rows_by_id rows;
  for (std::uint64_t n = 1; n <= operations; ++n)
    if (const auto x = store.get_status(status_of(n), later).snapshot)
      rows.emplace(n, *x);
  return rows;
}

store_options options_at(const std::string& file) {
  store_options x;
  x.file = file;
  return x;
}

/// @param in_log how many of the transactions the log holds; 0 for a store that
///        was closed.
sample make_sample(std::uint64_t in_log) {
  const temp_dir live;
  const temp_dir copy;
  const auto file = live / "ops.db";
  sample x;
  operation_tracking_store store{options_at(file)};
  for (std::uint64_t k = 0; k + in_log < transactions; ++k)
    change(store, k);
  store.close();
  if (in_log == 0) {
    x.database = read_file(file);
    x.states.push_back(
      state_of(*std::make_unique<operation_tracking_store>(options_at(file))));
    return x;
  }
  store = operation_tracking_store{options_at(file)};
  const auto mark = [&] {
    x.states.push_back(state_of(store));
    x.ends.push_back(
      log_header + static_cast<std::size_t>(store.wal_bytes()) / frame * frame);
  };
  mark();
  for (auto k = transactions - in_log; k < transactions; ++k) {
    change(store, k);
    mark();
  }
  copy_files(live.path(), copy.path());
  x.database = read_file(copy / "ops.db");
  x.log = read_file(copy / "ops.db-wal");
  return x;
}

// -- damage -------------------------------------------------------------------

/// What was done to a file, and what may follow from it.
struct damage {
  std::string what;
  /// The first state that may be shown; all of them before the last one are a
  /// loss that cannot be told from a power loss.
  std::size_t oldest_state;
  bool forged = false;
};

std::string& poke(std::string& bytes, std::size_t begin, std::uint64_t value,
                  std::size_t n) {
  for (std::size_t i = 0; i < n && begin + i < bytes.size(); ++i)
    bytes[begin + i] = static_cast<char>(value >> (8 * (n - 1 - i)));
  return bytes;
}

/// A number that code stumbles over.
std::uint64_t odd_number(random_source& random) {
  constexpr std::array<std::uint64_t, 10> odd{
    0,      1,      0x7F,        0xFF,        0x7FFF,
    0x8000, 0xFFFF, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF};
  const auto pick = below(random, 2 * odd.size());
  return pick < odd.size() ? odd.at(pick) : random();
}

/// Damages some bytes of a page or more, as disks and software do.
std::string damage_bytes(std::string& bytes, std::size_t begin, std::size_t end,
                         random_source& random) {
  constexpr std::size_t sector = 512;
  const auto somewhere = [&] { return begin + below(random, end - begin); };
  const auto some_sector = [&] {
    return begin + below(random, (end - begin) / sector) * sector;
  };
  switch (below(random, 5)) {
    case 0: {
      const auto flips = 1 + below(random, 8);
      for (std::size_t i = 0; i < flips; ++i)
        bytes[somewhere()] ^= static_cast<char>(1U << below(random, 8));
      return "bits flipped";
    }
    case 1: {
      const auto a = some_sector();
      const auto b = some_sector();
      const auto n = std::min(sector, end - std::max(a, b));
      std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a),
                       bytes.begin() + static_cast<std::ptrdiff_t>(a + n),
                       bytes.begin() + static_cast<std::ptrdiff_t>(b));
      return "sectors swapped";
    }
    case 2: {
      const auto a = some_sector();
      const auto n = std::min((1 + below(random, 8)) * sector, end - a);
      bytes.replace(a, n, std::string(n, '\0'));
      return "sectors zeroed";
    }
    case 3: {
      const auto a = somewhere();
      const auto n = std::min(1 + below(random, 64), end - a);
      for (std::size_t i = 0; i < n; ++i)
        bytes[a + i] = static_cast<char>(random());
      return "bytes overwritten";
    }
    default: {
      const auto a = somewhere();
      const auto b = somewhere();
      const auto n = std::min(1 + below(random, 300), end - std::max(a, b));
      bytes.replace(a, n, bytes.substr(b, n));
      return "bytes copied elsewhere";
    }
  }
}

/// Damages what SQLite keeps in a page: its header, its cell pointers, a cell.
std::string damage_structure(std::string& bytes, std::size_t begin,
                             bool first_page, random_source& random) {
  const auto header = begin + (first_page ? 100 : 0);
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  const auto cells = byte(header + 3) << 8U | byte(header + 4);
  const auto pointers = header
                        + (byte(header) == 2 || byte(header) == 5 ? 12 : 8);
  const auto some_pointer
    = pointers + 2 * below(random, std::clamp<std::size_t>(cells, 1, 200));
  switch (below(random, first_page ? 4 : 3)) {
    case 0: {
      constexpr std::array<std::size_t, 7> fields{0, 1, 3, 5, 7, 8, 10};
      poke(bytes, header + fields.at(below(random, fields.size())),
           odd_number(random), 1 + below(random, 2));
      return "page header";
    }
    case 1:
      poke(bytes, some_pointer, odd_number(random), 2);
      return "cell pointer";
    case 2: {
      const auto cell = begin
                        + (byte(some_pointer) << 8U | byte(some_pointer + 1));
      const auto into = std::min(cell + below(random, 24), begin + page - 9);
      poke(bytes, into, odd_number(random), 1 + below(random, 4));
      return "cell";
    }
    default: {
      constexpr std::array<std::size_t, 19> fields{0,  16, 18, 19, 20, 21, 22,
                                                   23, 24, 28, 32, 36, 40, 44,
                                                   52, 56, 60, 64, 68};
      poke(bytes, fields.at(below(random, fields.size())), odd_number(random),
           1 + below(random, 4));
      return "database header";
    }
  }
}

damage damage_database(sample& x, random_source& random) {
  auto& bytes = x.database;
  const auto pages = bytes.size() / page;
  damage done{"", x.states.size() - 1};
  const auto begin = below(random, pages) * page;
  switch (below(random, 8)) {
    // An empty file alone is a new store; with a log beside it, it is not.
    case 0:
      bytes.resize(std::max<std::size_t>(below(random, bytes.size()),
                                         x.log.empty() ? 1 : 0));
      done.what = "database cut";
      return done;
    case 1:
      bytes.resize(x.log.empty() ? std::max(begin, page) : begin);
      done.what = "database cut at a page";
      return done;
    case 2: {
      const auto other = below(random, pages) * page;
      const auto kept = bytes.substr(begin, page);
      bytes.replace(begin, page, bytes.substr(other, page));
      bytes.replace(other, page, kept);
      done.what = "pages swapped";
      return done;
    }
    case 3:
      bytes.replace(begin, page, std::string(page, '\0'));
      done.what = "page zeroed";
      return done;
    case 4:
    case 5:
      done.what = damage_bytes(
        bytes, begin,
        std::min(begin + page * (1 + below(random, 3)), pages * page), random);
      break;
    default:
      done.what = damage_structure(bytes, begin, begin == 0, random);
      break;
  }
  done.forged = below(random, 3) == 0;
  if (done.forged) {
    for (std::size_t at_page = 0; at_page < pages; ++at_page) {
      const auto* const data
        = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at_page * page;
      const auto seal = sqlite::seal_of({data, page - sqlite::seal_bytes},
                                        at_page);
      for (std::size_t i = 0; i < sqlite::seal_bytes; ++i)
        bytes[(at_page + 1) * page - sqlite::seal_bytes + i]
          = static_cast<char>(seal >> (8 * i));
    }
    done.what += ", resealed";
  }
  return done;
}

/// Gives all frames the checksums that SQLite expects.
void forge_log(std::string& log) {
  const auto word = [&](std::size_t begin) {
    std::uint32_t x = 0;
    for (std::size_t i = 0; i < 4; ++i)
      x |= static_cast<std::uint32_t>(
             static_cast<unsigned char>(log[begin + i]))
           << (8 * i);
    return x;
  };
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  const auto add = [&](std::size_t begin, std::size_t n) {
    for (auto i = begin; i < begin + n; i += 8) {
      a += word(i) + b;
      b += word(i + 4) + a;
    }
  };
  const auto put = [&](std::size_t begin) {
    poke(log, begin, a, 4);
    poke(log, begin + 4, b, 4);
  };
  poke(log, 0, 0x377F'0682, 4); // sums of little-endian words
  add(0, 24);
  put(24);
  for (auto begin = log_header; begin + frame <= log.size(); begin += frame) {
    poke(log, begin + 8, 0, 0);
    log.replace(begin + 8, 8, log.substr(16, 8));
    add(begin, 8);
    add(begin + frame_header, page);
    put(begin + 16);
  }
}

damage damage_log(sample& x, random_source& random) {
  auto& log = x.log;
  const auto used = x.ends.back();
  const auto last = x.states.size() - 1;
  const auto frames = (used - log_header) / frame;
  const auto begin = log_header + below(random, frames) * frame;
  damage done{"", last};
  auto first_touched = begin;
  auto last_touched = begin;
  switch (below(random, 6)) {
    case 0:
      log.resize(below(random, log.size() + 1));
      return {"log cut", 0};
    case 1: {
      const auto other = log_header + below(random, frames) * frame;
      const auto kept = log.substr(begin, frame);
      log.replace(begin, frame, log.substr(other, frame));
      log.replace(other, frame, kept);
      first_touched = std::min(begin, other);
      last_touched = std::max(begin, other);
      done.what = "frames swapped";
      break;
    }
    case 2:
      first_touched = below(random, log_header + frame_header);
      log[first_touched] ^= static_cast<char>(1U << below(random, 8));
      last_touched = first_touched;
      done.what = "log header";
      break;
    case 3:
      poke(log, begin + 4 * below(random, 6), odd_number(random), 4);
      done.what = "frame header";
      break;
    case 4:
      done.what = "frame: " + damage_bytes(log, begin, begin + frame, random);
      break;
    default:
      done.what
        = "frame: "
          + damage_structure(log, begin + frame_header,
                             log.compare(begin, 4, {"\0\0\0\1", 4}) == 0,
                             random);
      break;
  }
  done.forged = below(random, 3) == 0;
  if (done.forged) {
    forge_log(log);
    done.what += ", checksums made to fit";
  }
  // Without the last transaction, what happens before it could have been a
  // power loss.
  if (last_touched >= x.ends[last - 1])
    while (done.oldest_state > 0 && x.ends[done.oldest_state] > first_touched)
      --done.oldest_state;
  return done;
}

// -- use ----------------------------------------------------------------------

/// The store itself.
struct store_user {
  operation_tracking_store& store;

  auto get(const get_status& x) { return store.get_status(x, later); }
  auto get(const record_enqueue& x) { return store.record_enqueue(x, later); }
  auto get(const record_attempt& x) { return store.record_attempt(x, later); }
  auto get(const record_terminal& x) { return store.record_terminal(x, later); }
  auto get(const purge_terminal& x) { return store.purge_terminal(x, later); }
  auto get(const get_counts&) { return store.get_counts(); }
};

/// The service, asked as any program asks it.
struct service_user {
  caf::actor_system& system;
  const tracking_actor& tracker;

  template <class Request>
  typename Request::reply get(const Request& x) {
    try {
      return ask(system, tracker, x, std::chrono::seconds{20});
    } catch (const request_error& e) {
      throw store_error{e.code(), e.what()};
    }
  }
};

std::map<std::pair<std::string, tracking_status>, std::int64_t>
counted(const rows_by_id& rows) {
  std::map<std::pair<std::string, tracking_status>, std::int64_t> sums;
  for (const auto& [n, x] : rows)
    ++sums[{x.kind, x.status}];
  return sums;
}

class judge {
public:
  judge(const sample& x, const damage& d) : states_{x.states}, damage_{d} {}

  /// Some answer is none that the store ever gave: what it is, for the report.
  std::string wrong;
  /// The truth, or an older state that has to pass.
  bool older = false;

  /// Uses a store with all its verbs.
  template <class User>
  void use(User user) {
    rows_by_id shown;
    for (std::uint64_t n = 1; n <= operations; ++n)
      if (const auto x = user.get(status_of(n)).snapshot)
        shown.emplace(n, *x);
    const auto found = std::ranges::find(states_, shown);
    const auto state = static_cast<std::size_t>(found - states_.begin());
    if (found == states_.end()) {
      wrong = "snapshots of no state that there was";
      return;
    }
    older = state + 1 < states_.size();
    if (state < damage_.oldest_state) {
      wrong = "state " + std::to_string(state) + " of "
              + std::to_string(states_.size() - 1) + ", which was synced";
      return;
    }
    auto sums = counted(shown);
    for (const auto& x : user.get(get_counts{}).counts)
      sums[{x.kind, x.status}] -= x.operations;
    require(std::ranges::all_of(sums, [](auto& x) { return x.second == 0; }),
            "counts");
    write(user, shown);
  }

private:
  void require(bool holds, const std::string& what) {
    if (!holds && wrong.empty())
      wrong = what;
  }

  template <class User>
  void write(User& user, rows_by_id& shown) {
    constexpr std::uint64_t fresh_id = 1'000;
    require(!user.get(status_of(fresh_id)).snapshot, "a snapshot of nothing");
    require(user.get(enqueue(fresh_id)).outcome == enqueue_outcome::inserted,
            "a new operation");
    require(user.get(status_of(fresh_id)).snapshot == fresh(fresh_id, later),
            "a new operation's snapshot");
    for (const std::uint64_t n : {1U, 7U, 20U, 33U, 47U}) {
      const auto row = shown.find(n);
      const auto there = row != shown.end();
      if (there)
        require(user.get(enqueue(n)).outcome == enqueue_outcome::duplicate,
                "a duplicate");
      const auto expected = !there ? update_outcome::not_found
                            : is_terminal(row->second.status)
                              ? update_outcome::already_terminal
                              : update_outcome::applied;
      require(user.get(attempt(n, 5)).outcome == expected, "an attempt");
      require(user.get(terminal(n, tracking_status::parked)).outcome
                == expected,
              "an end");
      const auto after = user.get(status_of(n)).snapshot;
      require(after.has_value() == there, "a snapshot after a change");
      if (there && expected == update_outcome::already_terminal)
        require(*after == row->second, "a terminal row has changed");
    }
    std::int64_t due = 0;
    for (const auto& [n, x] : shown)
      due += x.terminal_at && *x.terminal_at < at(5) ? 1 : 0;
    require(user.get(purge_before(at(5))).deleted == due, "purged rows");
  }

  const std::vector<rows_by_id>& states_;
  const damage& damage_;
};

/// What became of the use of a damaged store.
struct outcome {
  std::optional<errc> at_open;
  std::optional<errc> in_use;
  std::string wrong;
  bool older = false;
  bool files_changed = false;
  bool not_latched = false;
};

class damaged_store {
public:
  damaged_store(std::string file, const sample& x)
    : file_{std::move(file)}, database_{x.database}, log_{x.log} {
    std::error_code ignored;
    std::filesystem::remove(file_ + "-shm", ignored);
    std::filesystem::remove(file_ + "-lock", ignored);
    write_file(file_, database_);
    if (log_.empty())
      std::filesystem::remove(file_ + "-wal", ignored);
    else
      write_file(file_ + "-wal", log_);
  }

  outcome use(judge& j) {
    outcome out;
    std::optional<operation_tracking_store> store;
    out.at_open = error_of([&] { store.emplace(options_at(file_)); });
    if (store) {
      run(store_user{*store}, j, out);
      store->close();
    }
    finish(j, out);
    return out;
  }

  outcome use_service(judge& j, caf::actor_system& system) {
    outcome out;
    std::optional<service> x;
    options o;
    o.file = file_;
    o.clock = {[] { return later; },
               [] { return std::chrono::steady_clock::time_point{}; }};
    o.on_notice = [](severity, const std::string&) {};
    out.at_open = error_of([&] { x.emplace(start(system, o)); });
    if (x) {
      run(service_user{system, x->tracker()}, j, out);
      x->stop();
    }
    finish(j, out);
    return out;
  }

private:
  template <class User>
  void run(User user, judge& j, outcome& out) {
    out.in_use = error_of([&] { j.use(user); });
    if (out.in_use != errc::store_corrupt)
      return;
    remember();
    for (const auto& again : {error_of([&] { user.get(status_of(1)); }),
                              error_of([&] { user.get(enqueue(2'000)); })})
      out.not_latched = out.not_latched || again != errc::store_corrupt;
  }

  void remember() {
    database_ = read_file(file_);
    log_ = read_file(file_ + "-wal");
  }

  void finish(const judge& j, outcome& out) const {
    out.wrong = j.wrong;
    out.older = j.older;
    if (out.at_open || out.in_use == errc::store_corrupt)
      out.files_changed = read_file(file_) != database_
                          || read_file(file_ + "-wal") != log_;
  }

  const std::string file_;
  std::string database_;
  std::string log_;
};

bool is_fair(errc code, bool at_open) {
  switch (code) {
    case errc::store_corrupt:
    case errc::not_stored:
    case errc::outcome_unknown:
      return true;
    case errc::not_a_store:
    case errc::newer_schema:
    case errc::store_unavailable:
      return at_open;
    default:
      return false;
  }
}

} // namespace

void damage_row(report& r) {
  const auto file = memory_folder() + "/ops.db";
  const std::array samples{make_sample(0), make_sample(0), make_sample(4)};
  actor_config config;
  caf::actor_system system{config};
  const auto rounds = r.pick<std::uint64_t>(1'800, 100'000);
  std::int64_t refused = 0;
  std::int64_t unharmed = 0;
  std::int64_t older = 0;
  std::int64_t forged = 0;
  std::int64_t forged_wrong = 0;
  std::int64_t through_service = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    auto random = r.random(round);
    auto x = samples[below(random, samples.size())];
    const auto d = !x.log.empty() && below(random, 4) != 0
                     ? damage_log(x, random)
                     : damage_database(x, random);
    judge j{x, d};
    damaged_store store{file, x};
    const auto by_service = round % 20 == 0;
    const auto out = by_service ? store.use_service(j, system) : store.use(j);
    through_service += by_service ? 1 : 0;
    const auto what = "round " + std::to_string(round) + " (" + d.what + "): ";
    forged += d.forged ? 1 : 0;
    if (d.forged)
      forged_wrong += out.wrong.empty() ? 0 : 1;
    else
      r.require(out.wrong.empty(), what + "a wrong answer: " + out.wrong);
    for (const auto& code : {out.at_open, out.in_use})
      if (code)
        r.require(is_fair(*code, code == out.at_open),
                  what + "an unfair error: " + to_string(*code));
    // Opening copies a log that looks sound before it reads all of it.
    r.require(!out.files_changed || (d.forged && out.at_open),
              what + "files changed after an error");
    r.require(!out.not_latched, what + "went on after an error");
    if (out.at_open || out.in_use)
      ++refused;
    else if (out.older)
      ++older;
    else if (out.wrong.empty())
      ++unharmed;
    r.tried(1, static_cast<std::int64_t>(rounds));
  }
  const auto figure = [&](std::int64_t n, const char* what) {
    r.figure(std::to_string(n) + " " + what);
  };
  figure(through_service, "through the service");
  figure(refused, "refused");
  figure(unharmed, "true all the same");
  figure(older, "without the last transactions, as after a power loss");
  figure(forged, "with forged checksums");
  figure(forged_wrong, "of these with wrong answers");
}

} // namespace waybill::torture
