#include "waybill/store_reader.hpp"

#include <algorithm>
#include <utility>

#include "waybill/cursor.hpp"
#include "waybill/name_table.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/row_filter.hpp"
#include "waybill/row_source.hpp"
#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/status_counters.hpp"
#include "waybill/store_backup.hpp"
#include "waybill/store_check.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_queries.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

// Ends a search after a while. Looking at the clock costs as much as a row.
class time_limit {
public:
  explicit time_limit(microseconds max_time)
    : end_{steady_clock::now() + max_time} {}

  bool is_over() {
    return ++looks_ % rows_between_looks == 0 && steady_clock::now() >= end_;
  }

private:
  static constexpr int rows_between_looks = 64;

  steady_clock::time_point end_;
  int looks_ = 0;
};

template <class Request>
void require_valid(const Request& request) {
  if (const auto fault = find_fault(request))
    throw store_error{errc::invalid_request, *fault};
}

reader_options checked(reader_options options) {
  options.file = canonical_store_path(options.file);
  if (!check_store_file(options.file))
    throw store_error{errc::store_unavailable,
                      options.file + ": there is no such file"};
  check_companions(options.file);
  return options;
}

} // namespace

class store_reader::impl {
public:
  explicit impl(reader_options options)
    : options_{checked(std::move(options))},
      vfs_{options_.vfs, store_application_id} {
    try {
      open();
    } catch (const store_error& e) {
      throw as_open_error(e, options_.file);
    }
  }

  status_reply get_status(const waybill::get_status& request) {
    require_valid(request);
    return at_one_moment([&] {
      status_reply reply;
      if (find(request.id))
        reply.snapshot = decode_operation(select_, request.id, names_);
      select_.reset();
      return reply;
    });
  }

  list_reply list(const list_operations& request, microseconds max_time) {
    require_valid(request);
    const auto after = request.cursor
                         ? std::optional{parse_cursor(*request.cursor, request)}
                         : std::nullopt;
    return at_one_moment([&] {
      const row_filter filter{request.filter, names_};
      row_source rows{db_, request, after};
      time_limit limit{max_time};
      list_reply reply;
      auto place = after;
      while (rows.next()) {
        // A page that is full looks one row further, to tell whether it is the
        // last.
        if (reply.operations.size()
              == static_cast<std::size_t>(request.page_size)
            || limit.is_over()) {
          if (place)
            reply.next_cursor = to_cursor(*place, request);
          break;
        }
        place = rows.place();
        if (filter.fits(rows.row()))
          reply.operations.push_back(decode_listed(rows.row(), request.full));
      }
      return reply;
    });
  }

  history_reply get_history(const waybill::get_history& request) {
    require_valid(request);
    return at_one_moment([&] {
      history_reply reply;
      if (!find(request.id)) {
        select_.reset();
        return reply;
      }
      const auto seq = select_.integer(column::count);
      auto number = select_.integer(column::count + 1);
      reply.snapshot = decode_operation(select_, request.id, names_);
      select_.reset();
      const auto& now = *reply.snapshot;
      while (number != 0) {
        chain_.bind(1, number);
        const sqlite::reset_guard guard{chain_};
        if (!chain_.step()) {
          reply.complete = false;
          break;
        }
        reply.transitions.push_back(decode_step(chain_, number, now));
        // Numbers only fall; a damaged file must not lead in a circle.
        if (chain_.integer(0) >= number)
          row_is_corrupt("a transition before itself");
        number = chain_.integer(0);
      }
      reply.transitions.push_back(first_step(seq, now));
      std::ranges::reverse(reply.transitions);
      // What happened while the history was off has left no trace.
      const auto& last = reply.transitions.back();
      if (seq <= db_.query_int("SELECT off_to FROM store")
          || last.status != now.status || last.retry_count != now.retry_count)
        reply.complete = false;
      return reply;
    });
  }

  watch_reply read_transitions(const watch_transitions& request,
                               microseconds max_time, bool& more) {
    require_valid(request);
    more = false;
    return at_one_moment([&] {
      watch_reply reply;
      const auto last = last_transition(db_);
      if (!request.after) {
        reply.next = last;
        return reply;
      }
      reply.next = std::max(last, *request.after);
      transition_scan scan{*this, *request.after};
      time_limit limit{max_time};
      auto looked_at = *request.after;
      while (scan.next()) {
        if (reply.transitions.size()
              == static_cast<std::size_t>(request.page_size)
            || limit.is_over()) {
          reply.next = looked_at;
          more = true;
          break;
        }
        looked_at = scan.number();
        if (is_watched(scan, request))
          reply.transitions.push_back(scan.decode());
      }
      const auto missing_to
        = std::min(db_.query_int("SELECT missing_to FROM store"), reply.next);
      if (missing_to > *request.after)
        reply.gap = transition_gap{*request.after + 1, missing_to};
      return reply;
    });
  }

  counts_reply get_counts() {
    return at_one_moment([&] {
      status_counters counters;
      counters.read(db_);
      auto reply = counters.snapshot(names_);
      reply.oldest_in_flight = oldest_in_flight(db_);
      reply.oldest_parked = oldest_finished(db_, tracking_status::parked);
      return reply;
    });
  }

  std::int64_t count_due(const purge_terminal& request,
                         const progress_function& progress) {
    require_valid(request);
    return at_one_moment([&] {
      auto stmt = db_.prepare(
        "SELECT updated_at FROM operation WHERE status >= 2 AND status = ?1 "
        "AND updated_at < ?2");
      std::int64_t due = 0;
      for (int i = 0; i < num_tracking_statuses; ++i) {
        const auto status = static_cast<tracking_status>(i);
        if (!is_terminal(status)
            || (request.status && *request.status != status))
          continue;
        stmt.bind(1, i);
        stmt.bind(2, request.older_than.us());
        const sqlite::reset_guard guard{stmt};
        while (stmt.step())
          if (++due % 65'536 == 0 && progress && !progress(due, 0))
            return due;
      }
      return due;
    });
  }

  bool keeps_history() {
    return db_.query_int("SELECT missing_to FROM store") != INT64_MAX;
  }

  bool has_changed() {
    const auto version = db_.query_int("PRAGMA data_version");
    return std::exchange(data_version_, version) != version;
  }

  store_size size() {
    return at_one_moment([&] {
      auto x = size_of(db_);
      x.log_bytes = bytes_of_log(options_.file);
      return x;
    });
  }

  std::string schema() {
    std::string all;
    auto stmt
      = db_.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
    while (stmt.step())
      all += std::string{stmt.text(0)} + ";\n";
    return all;
  }

  std::optional<check_report> check(const progress_function& progress) {
    return at_one_moment([&] { return check_store(db_, names_, progress); });
  }

  bool backup(const std::string& file, const progress_function& progress) {
    return at_one_moment(
      [&] { return back_up(db_, options_.file, file, vfs_.name(), progress); });
  }

private:
  // All transitions after a number, in order. Those that recorded an operation
  // are rows of `operation`, the others rows of `transition`.
  class transition_scan {
  public:
    transition_scan(impl& reader, std::int64_t after)
      : names_{reader.names_},
        recorded_{reader.db_.prepare(
          "SELECT seq, id, kind, created_at FROM operation WHERE seq > ?1 "
          "ORDER BY seq")},
        others_{reader.db_.prepare(
          "SELECT o.status, o.retry_count, o.http_status, o.created_at, "
          "o.updated_at, o.kind, o.target, o.source_instance, "
          "o.source_script, o.source_node, o.last_error, t.number, o.id, "
          "t.status, t.retry_count, t.at, t.http_status, t.last_error "
          "FROM transition t CROSS JOIN operation o ON o.seq = t.operation "
          "WHERE t.number > ?1 ORDER BY t.number")} {
      recorded_.bind(1, after);
      others_.bind(1, after);
      has_recorded_ = recorded_.step();
      has_other_ = others_.step();
    }

    bool next() {
      if (begun_ && from_operation_)
        has_recorded_ = recorded_.step();
      else if (begun_)
        has_other_ = others_.step();
      begun_ = true;
      from_operation_ = has_recorded_
                        && (!has_other_
                            || recorded_.integer(0) < others_.integer(11));
      return has_recorded_ || has_other_;
    }

    [[nodiscard]] std::int64_t number() const {
      return from_operation_ ? recorded_.integer(0) : others_.integer(11);
    }

    [[nodiscard]] tracked_operation_id id() const {
      return decode_id(from_operation_ ? recorded_.blob(1) : others_.blob(12));
    }

    [[nodiscard]] std::string kind() const {
      return from_operation_ ? decode_name(recorded_, 2, names_)
                             : decode_name(others_, column::kind, names_);
    }

    [[nodiscard]] tracking_status status() const {
      if (from_operation_)
        return tracking_status::submitted;
      return decode_status(
        others_.integer(others_.is_null(13) ? column::status : 13));
    }

    [[nodiscard]] transition decode() const {
      transition x;
      x.number = number();
      x.id = id();
      x.kind = kind();
      x.status = status();
      if (from_operation_) {
        x.at = timestamp{recorded_.integer(3)};
        return x;
      }
      // The last one of an operation that has finished is its row.
      const auto own = !others_.is_null(13);
      const auto error = own ? 17 : column::last_error;
      x.retry_count = static_cast<std::int32_t>(
        others_.integer(own ? 14 : column::retry_count));
      x.at = timestamp{others_.integer(own ? 15 : column::updated_at)};
      x.http_status = decode_number(others_, own ? 16 : column::http_status);
      if (!others_.is_null(error))
        x.last_error = decode_text(others_, error);
      return x;
    }

  private:
    const name_table& names_;
    sqlite::statement recorded_;
    sqlite::statement others_;
    bool has_recorded_ = false;
    bool has_other_ = false;
    bool begun_ = false;
    bool from_operation_ = false;
  };

  void open() {
    db_ = sqlite::connection{options_.file,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW
                               | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                             vfs_.name()};
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    db_.set_up(options_.cache_bytes);
    if (const auto version = read_version(db_, options_.file);
        version < schema_version)
      throw store_error{errc::store_unavailable,
                        version == 0 ? options_.file + ": is empty"
                                     : options_.file + ": has schema version "
                                         + std::to_string(version)
                                         + "; its next owner brings it to "
                                         + std::to_string(schema_version)};
    verify_schema(db_, options_.file);
    select_ = db_.prepare(
      "SELECT " WAYBILL_OPERATION_COLUMNS
      ", seq, last_transition FROM operation WHERE id = ?1");
    chain_ = db_.prepare(
      "SELECT previous, status, retry_count, at, http_status, last_error "
      "FROM transition WHERE number = ?1");
    begin_ = db_.prepare("BEGIN");
    count_names_ = db_.prepare("SELECT max(id) FROM name");
    names_.read(db_);
    has_changed();
  }

  // All that `f` reads is as of one moment.
  template <class F>
  auto at_one_moment(F&& f) -> decltype(f()) {
    struct snapshot {
      explicit snapshot(impl& x) : self{x} { self.begin_.run(); }
      ~snapshot() {
        sqlite3_exec(self.db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
      }
      snapshot(const snapshot&) = delete;
      snapshot& operator=(const snapshot&) = delete;
      impl& self;
    };
    auto result = [&] {
      const snapshot guard{*this};
      read_new_names();
      return f();
    }();
    make_certain();
    return result;
  }

  // What the owner has committed last may not be on the disk yet, and nobody is
  // to hear of what a power loss may take back.
  void make_certain() {
    auto* const log = sqlite::log_of(db_.get());
    if (log == nullptr)
      return;
    const auto code
      = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    if (code != SQLITE_OK)
      sqlite::raise(nullptr, code, "syncing the log");
  }

  // Names are only ever added.
  void read_new_names() {
    const sqlite::reset_guard guard{count_names_};
    const auto last = count_names_.step() ? count_names_.integer(0) : 0;
    if (last != num_names_)
      names_.read(db_);
    num_names_ = last;
  }

  bool find(const tracked_operation_id& id) {
    id_ = encode_id(id);
    select_.bind_borrowed(1, id_);
    return select_.step();
  }

  tracking_status_snapshot decode_listed(const sqlite::statement& row,
                                         bool full) const {
    auto x = decode_operation(row, decode_id(row.blob(column::count + 1)),
                              names_);
    if (!full && x.last_error)
      x.last_error = truncate_utf8(*x.last_error, limits::summary_error);
    return x;
  }

  static transition first_step(std::int64_t seq,
                               const tracking_status_snapshot& of) {
    transition x;
    x.number = seq;
    x.id = of.id;
    x.kind = of.kind;
    x.at = of.created_at;
    return x;
  }

  static transition decode_step(const sqlite::statement& row,
                                std::int64_t number,
                                const tracking_status_snapshot& of) {
    transition x;
    x.number = number;
    x.id = of.id;
    x.kind = of.kind;
    if (row.is_null(1)) { // what finished it
      x.status = of.status;
      x.retry_count = of.retry_count;
      x.at = of.updated_at;
      x.http_status = of.http_status;
      x.last_error = of.last_error;
      return x;
    }
    x.status = decode_status(row.integer(1));
    x.retry_count = static_cast<std::int32_t>(row.integer(2));
    x.at = timestamp{row.integer(3)};
    x.http_status = decode_number(row, 4);
    if (!row.is_null(5))
      x.last_error = decode_text(row, 5);
    return x;
  }

  static bool is_watched(const transition_scan& at,
                         const watch_transitions& request) {
    const auto among = [](const auto& list, const auto& look) {
      return list.empty() || std::ranges::find(list, look()) != list.end();
    };
    return among(request.statuses, [&] { return at.status(); })
           && among(request.ids, [&] { return at.id(); })
           && among(request.kinds, [&] { return at.kind(); });
  }

  reader_options options_;
  sqlite::sealed_vfs vfs_;
  sqlite::connection db_;
  name_table names_;
  std::int64_t num_names_ = 0;
  sqlite::statement select_;
  sqlite::statement chain_;
  sqlite::statement begin_;
  sqlite::statement count_names_;
  id_bytes id_{};
  std::int64_t data_version_ = 0;
};

store_reader::store_reader(reader_options options)
  : impl_{std::make_unique<impl>(std::move(options))} {}

store_reader::store_reader(const std::string& file)
  : store_reader{[&] {
      reader_options x;
      x.file = file;
      return x;
    }()} {}

store_reader::~store_reader() = default;
store_reader::store_reader(store_reader&&) noexcept = default;
store_reader& store_reader::operator=(store_reader&&) noexcept = default;

status_reply store_reader::get_status(const waybill::get_status& request) {
  return impl_->get_status(request);
}

list_reply store_reader::list(const list_operations& request,
                              std::chrono::microseconds max_time) {
  return impl_->list(request, max_time);
}

history_reply store_reader::get_history(const waybill::get_history& request) {
  return impl_->get_history(request);
}

watch_reply store_reader::read_transitions(const watch_transitions& request,
                                           std::chrono::microseconds max_time) {
  bool more = false;
  return impl_->read_transitions(request, max_time, more);
}

watch_reply store_reader::read_transitions(const watch_transitions& request,
                                           std::chrono::microseconds max_time,
                                           bool& more) {
  return impl_->read_transitions(request, max_time, more);
}

counts_reply store_reader::get_counts() {
  return impl_->get_counts();
}

std::int64_t store_reader::count_due(const purge_terminal& request,
                                     const progress_function& progress) {
  return impl_->count_due(request, progress);
}

bool store_reader::keeps_history() {
  return impl_->keeps_history();
}

bool store_reader::has_changed() {
  return impl_->has_changed();
}

store_size store_reader::size() {
  return impl_->size();
}

std::string store_reader::schema() {
  return impl_->schema();
}

std::optional<check_report>
store_reader::check(const progress_function& progress) {
  return impl_->check(progress);
}

bool store_reader::backup(const std::string& file,
                          const progress_function& progress) {
  return impl_->backup(file, progress);
}

} // namespace waybill
