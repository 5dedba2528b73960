#include "waybill/operation_tracking_store.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "waybill/in_flight_blocks.hpp"
#include "waybill/log_keeper.hpp"
#include "waybill/log_tail.hpp"
#include "waybill/name_table.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/recent_operations.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/status_counters.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_queries.hpp"
#include "waybill/text.hpp"
#include "waybill/torn_log.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

namespace {

// A purge looks at the clock after each statement. One that deletes many rows
// costs less a row, so they get as many as take about this long; never more
// than this, histories included.
constexpr auto purge_statement_time = std::chrono::milliseconds{2};
constexpr std::int64_t most_purge_statement_rows = 8'192;
constexpr std::array terminal_statuses{tracking_status::delivered,
                                       tracking_status::parked,
                                       tracking_status::failed,
                                       tracking_status::discarded};

store_options checked(store_options options) {
  validate(options);
  options.file = canonical_store_path(options.file);
  return options;
}

// Takes the ownership of a file that looks as if it could be a store.
file_ownership take(const std::string& file) {
  check_store_file(file);
  check_companions(file);
  file_ownership ownership{file};
  try {
    ensure_store_file(file);
  } catch (...) {
    ownership.withdraw();
    throw;
  }
  return ownership;
}

} // namespace

class operation_tracking_store::impl {
public:
  explicit impl(store_options options)
    : options_{checked(std::move(options))},
      ownership_{take(options_.file)},
      vfs_{options_.vfs, store_application_id},
      log_{options_.checkpoint_pages} {
    try {
      open();
    } catch (...) {
      close_database();
      ownership_.withdraw();
      throw;
    }
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  ~impl() { close(); }

  enqueue_reply record_enqueue(const waybill::record_enqueue& request,
                               timestamp now) {
    require_acceptable(request, now);
    return guarded([&] {
      recent_.prefetch(request.id);
      const auto id = encode_id(request.id);
      const auto kind = names_.intern(name_field::kind, request.kind);
      insert_.bind_borrowed(1, id);
      insert_.bind(2, now.us());
      bind_name(insert_, 3, kind, request.kind);
      name_ids names{to_name_id(kind)};
      bool whole = kind.has_value();
      const auto bind = [&](int at, name_field field, const auto& text) {
        const auto name = bind_interned(insert_, at, field, text);
        names[static_cast<std::size_t>(field)] = to_name_id(name);
        whole = whole && (name || !text);
      };
      bind(4, name_field::target, request.target_summary);
      bind(5, name_field::source_instance, request.source_instance_id);
      bind(6, name_field::source_script, request.source_script);
      bind(7, name_field::source_node, request.source_node);
      const auto seq = transitions_.next_number();
      if (seq == next_seq_)
        insert_.bind_null(8);
      else
        insert_.bind(8, seq);
      change_rows(insert_);
      if (sqlite3_changes(db_.get()) == 0)
        return enqueue_reply{enqueue_outcome::duplicate};
      next_seq_ = seq + 1;
      counters_.add(kind.value_or(0), tracking_status::submitted, 1);
      in_flight_.add(seq, tracking_status::submitted, 1);
      auto& recent = recent_.put(request.id);
      recent.seq = seq;
      recent.chain = {};
      recent.created_at_us = now.us();
      recent.updated_at_us = now.us();
      recent.names = names;
      recent.retry_count = 0;
      recent.http_status = 0;
      recent.status = tracking_status::submitted;
      recent.whole = whole;
      recent_operations::set_error(recent, false, {});
      return enqueue_reply{enqueue_outcome::inserted};
    });
  }

  update_reply record_attempt(const waybill::record_attempt& request,
                              timestamp now) {
    require_acceptable(request, now);
    return transition(request.id, [&](const found_row& row) {
      const auto status = std::max(row.status, request.status);
      // Without a change of the status no index is touched.
      auto& update = status == row.status ? update_retry_ : update_attempt_;
      update.bind(4, request.retry_count);
      // Reports are repeated until they are answered.
      const auto repeats = status == row.status
                           && request.retry_count == row.retry_count
                           && row.chain.last != 0;
      write(update, row, status, request, now, repeats);
      if (row.recent != nullptr)
        row.recent->retry_count = request.retry_count;
    });
  }

  update_reply record_terminal(const waybill::record_terminal& request,
                               timestamp now) {
    require_acceptable(request, now);
    return transition(request.id, [&](const found_row& row) {
      write(update_terminal_, row, request.status, request, now, false);
    });
  }

  status_reply get_status(const waybill::get_status& request, timestamp now) {
    require_acceptable(request, now);
    require_usable();
    if (const auto* const recent = recent_.find(request.id);
        recent != nullptr && recent->whole)
      return {decode(*recent)};
    return latched([&] {
      const auto id = encode_id(request.id);
      select_.bind_borrowed(1, id);
      const sqlite::reset_guard guard{select_};
      status_reply reply;
      if (select_.step())
        reply.snapshot = decode_operation(select_, request.id, names_);
      return reply;
    });
  }

  enqueue_reply restore(const operation_record& record) {
    require_valid(record);
    return guarded([&] {
      const auto& x = record.snapshot;
      prepare_restore();
      const auto seq = transitions_.next_number();
      const auto others = transitions_.is_on() && !record.transitions.empty()
                            ? std::ssize(record.transitions) - 1
                            : 0;
      const auto kind = insert_restored(x, seq, others == 0 ? 0 : seq + others);
      if (sqlite3_changes(db_.get()) == 0)
        return enqueue_reply{enqueue_outcome::duplicate};
      next_seq_ = seq + 1;
      recent_.changed_elsewhere(x.id);
      counters_.add(kind.value_or(0), x.status, 1);
      in_flight_.add(seq, x.status, 1);
      if (others > 0)
        restore_transitions(record, seq);
      return enqueue_reply{enqueue_outcome::inserted};
    });
  }

  purge_progress purge_chunk(const waybill::purge_terminal& request,
                             timestamp now, std::int64_t max_rows,
                             std::chrono::microseconds max_time) {
    require_acceptable(request, now);
    // SQLite takes a negative limit for none.
    require_positive("max_rows", max_rows);
    return guarded([&] {
      auto now_is = std::chrono::steady_clock::now();
      const auto stop = now_is + max_time;
      purge_progress progress;
      for (const auto status : terminal_statuses) {
        if (request.status && *request.status != status)
          continue;
        for (;;) {
          const auto limit = std::min(purge_lot_, max_rows - progress.deleted);
          const auto n = delete_finished(status, request.older_than, limit);
          progress.deleted += n;
          if (n > 0)
            log_.has_scattered_pages();
          const auto began = std::exchange(now_is,
                                           std::chrono::steady_clock::now());
          if (n < limit)
            break; // no more of this status
          fit_purge_lot(now_is - began);
          if (progress.deleted >= max_rows || now_is >= stop) {
            progress.finished = false;
            return progress;
          }
        }
      }
      return progress;
    });
  }

  counts_reply get_counts() {
    require_usable();
    return latched([&] {
      auto reply = counters_.snapshot(names_);
      reply.oldest_in_flight = oldest_in_flight(db_, in_flight_);
      reply.oldest_parked = waybill::oldest_finished(db_,
                                                     tracking_status::parked);
      return reply;
    });
  }

  std::optional<timestamp> oldest_finished_in(tracking_status status) {
    require_usable();
    return latched([&] { return waybill::oldest_finished(db_, status); });
  }

  store_size size() {
    require_usable();
    return latched([&] {
      auto x = size_of(db_);
      x.log_bytes = log_.bytes();
      return x;
    });
  }

  void begin() {
    require_usable();
    if (begun_)
      throw store_error{errc::not_stored, "a transaction is open already"};
    maintain();
    latched([&] { begin_.run(); });
    begun_ = true;
    recent_.begin_transaction(finishing_);
    log_end_ = find_log_end(db_.get());
  }

  bool begin_commit(std::function<void()> on_synced) {
    vfs_.syncer().put_off();
    try {
      commit();
    } catch (...) {
      vfs_.syncer().forget();
      throw;
    }
    finishing_ = vfs_.syncer().start(std::move(on_synced));
    return finishing_;
  }

  [[nodiscard]] bool commit_has_ended() {
    return finishing_ && !vfs_.syncer().is_under_way();
  }

  std::chrono::steady_clock::time_point finish_commit() {
    if (!finishing_)
      return std::chrono::steady_clock::now();
    const auto code = vfs_.syncer().finish();
    if (code != SQLITE_OK) {
      broken_ = true; // as after a COMMIT that fails there
      rollback();
      finishing_ = false;
      throw store_error{errc::outcome_unknown,
                        sqlite::to_text(nullptr, code, "COMMIT"), code};
    }
    finishing_ = false;
    recent_.only_last_is_open();
    return vfs_.syncer().ended();
  }

  void commit() {
    if (!begun_)
      throw store_error{errc::not_stored, "no transaction is open"};
    if (finishing_)
      throw store_error{errc::not_stored, "a commit has not been finished"};
    if (failure_) {
      rollback();
      throw store_error{*failure_};
    }
    if (!db_.in_transaction()) {
      rollback();
      throw store_error{errc::not_stored,
                        "the transaction was rolled back after an error"};
    }
    try {
      latched([&] {
        counters_.flush();
        in_flight_.flush();
        transitions_.flush();
      });
    } catch (...) {
      rollback();
      throw;
    }
    try {
      commit_.run();
    } catch (const store_error& e) {
      rollback();
      if (is_undone(e))
        throw;
      // The log may hold the whole transaction, and then it is there again
      // after a restart. Whatever this connection believes does not matter.
      broken_ = true;
      throw store_error{errc::outcome_unknown, e.what(), e.sqlite_code()};
    }
    begun_ = false;
    names_.on_commit();
    counters_.on_commit();
    in_flight_.forget_changes();
    transitions_.on_commit();
  }

  void probe_write() {
    require_usable();
    const sqlite::no_lock_wait guard{db_};
    guarded([&] {
      write_own();
      return true;
    });
  }

  void rollback() noexcept {
    if (db_.in_transaction())
      sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    begun_ = false;
    names_.on_rollback();
    counters_.on_rollback();
    in_flight_.forget_changes();
    transitions_.on_rollback();
    recent_.clear(finishing_);
    next_seq_ = 0;
  }

  [[nodiscard]] bool in_transaction() const noexcept {
    return begun_ && db_.in_transaction();
  }

  [[nodiscard]] bool may_be_undone(const tracked_operation_id& id) noexcept {
    return (begun_ || finishing_) && recent_.may_have_changed(id);
  }

  [[nodiscard]] bool checkpoint_is_due() const noexcept {
    return log_.checkpoint_is_due() && usable() && !in_transaction();
  }

  void maintain() noexcept {
    if (checkpoint_is_due())
      log_.checkpoint();
  }

  [[nodiscard]] const log_keeper& log() const noexcept { return log_; }

  bool give_back_space(int max_pages, bool keep_some) {
    require_positive("max_pages", max_pages);
    require_usable();
    return latched([&] { return log_.give_back_space(max_pages, keep_some); });
  }

  void condemn(const store_error& found) {
    if (!failure_)
      failure_ = found;
  }

  [[nodiscard]] bool needs_recovery() const noexcept { return broken_; }

  void recover() {
    if (failure_)
      throw store_error{*failure_};
    rollback();
    close_database();
    broken_ = true; // until all of this has succeeded
    open();
    broken_ = false;
  }

  void close() noexcept {
    rollback();
    if (usable()) {
      log_.empty();
      db_.checkpoint_on_close(true); // which also removes the log
    }
    close_database();
    vfs_.syncer().stop();
    broken_ = true;
    ownership_ = file_ownership{};
  }

  [[nodiscard]] const store_options& options() const noexcept {
    return options_;
  }

private:
  struct found_row {
    std::int64_t seq;
    tracking_status status;
    std::int64_t kind; // 0 if it is not interned
    std::int32_t retry_count;
    // A row's times never go back, whatever the clock does.
    timestamp updated_at;
    transition_chain chain;
    recent_operations::entry* recent; // if it is remembered
  };

  using name_ids = std::array<std::int32_t, num_name_fields>;

  // -- opening and closing ----------------------------------------------------

  void open() {
    try {
      if (const auto fault = find_torn_log(options_.file + "-wal",
                                           options_.synchronous))
        throw store_error{errc::store_corrupt, *fault};
      db_ = sqlite::connection{options_.file,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW
                                 | SQLITE_OPEN_NOMUTEX
                                 | SQLITE_OPEN_PRIVATECACHE,
                               vfs_.name()};
      configure();
      migrate(db_, options_.file);
      use_wal();
      verify_schema(db_, options_.file);
      names_.load(db_);
      counters_.load(db_);
      in_flight_.prepare(db_);
      transitions_.load(db_, options_.history);
      prepare();
      make_baseline(); // last: what fails before has written nothing
      db_.checkpoint_on_close(false);
    } catch (const store_error& e) {
      close_database();
      throw as_open_error(e, options_.file);
    }
  }

  void configure() {
    // A file that turns out to be damaged or someone else's stays as it is.
    // Without a log there is nothing to copy, but files to remove.
    db_.checkpoint_on_close(!has_log(options_.file));
    db_.set_up(options_.cache_bytes);
    const auto wanted = static_cast<int>(options_.synchronous);
    db_.exec(("PRAGMA synchronous = " + std::to_string(wanted)).c_str());
    if (db_.query_int("PRAGMA synchronous") != wanted)
      throw store_error{errc::store_unavailable,
                        options_.file + ": synchronous cannot be set"};
    if (sqlite3_db_readonly(db_.get(), "main") != 0)
      throw store_error{errc::store_unavailable,
                        options_.file + ": is read-only"};
  }

  void use_wal() {
    if (db_.query_text("PRAGMA journal_mode = WAL") != "wal")
      throw store_error{errc::store_unavailable,
                        options_.file
                          + ": the file system cannot hold a "
                            "write-ahead log"};
    log_.open(db_);
  }

  // Baseline: all that this file shows from here on is durable.
  //
  // A process killed between writing the log and syncing it leaves commits that
  // are visible and yet only in the kernel's memory. `duplicate` answers and
  // snapshots rest on them without writing, hence without a sync of their own.
  // And if the sync failed before the kill, the kernel may have given up the
  // pages that it still shows. So what the log holds is written once more and
  // synced. A small write after it shows that the file takes writes.
  //
  // Only then may the log be copied into the file: a power loss in the middle
  // of that is repaired from the log.
  void make_baseline() {
    begin_.run();
    const auto sync = options_.synchronous != durability::off;
    if (const auto code = write_log_again(db_.get(), sync); code != SQLITE_OK)
      sqlite::raise(db_.get(), code, "writing the log again");
    write_own();
    mark_history();
    commit_.run();
    sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                              nullptr, nullptr);
  }

  void write_own() {
    db_.exec("UPDATE store SET opens = opens + 1");
    if (sqlite3_changes(db_.get()) != 1)
      throw store_error{errc::store_corrupt, "the table store has no row"};
  }

  // While the history is off, all transitions may be missing; when it is on
  // again, those up to a number that no transition gets.
  void mark_history() {
    const auto was_off = db_.query_int("SELECT missing_to FROM store")
                         == INT64_MAX;
    if (was_off == !transitions_.is_on())
      return;
    const auto number = std::to_string(transitions_.next_number());
    const auto set = was_off ? "missing_to = " + number + ", off_to = " + number
                             : "missing_to = " + std::to_string(INT64_MAX);
    db_.exec(("UPDATE store SET last_number = " + number + ", " + set).c_str());
    transitions_.on_commit();
  }

  void prepare() {
    begin_ = db_.prepare("BEGIN IMMEDIATE");
    commit_ = db_.prepare("COMMIT");
    insert_ = db_.prepare(
      "INSERT INTO operation (seq, id, status, retry_count, created_at, "
      "updated_at, kind, target, source_instance, source_script, source_node, "
      "last_transition) VALUES (?8, ?1, 0, 0, ?2, ?2, ?3, ?4, ?5, ?6, ?7, 0) "
      "ON CONFLICT (id) DO NOTHING");
    find_ = db_.prepare(
      "SELECT seq, status, kind, updated_at, retry_count, last_transition "
      "FROM operation WHERE id = ?1");
    update_attempt_ = db_.prepare(
      "UPDATE operation SET status = ?2, updated_at = ?3, retry_count = ?4, "
      "last_error = ?5, http_status = ?6, last_transition = ?7 "
      "WHERE seq = ?1");
    update_retry_ = db_.prepare(
      "UPDATE operation SET updated_at = ?3, retry_count = ?4, "
      "last_error = ?5, http_status = ?6, last_transition = ?7 "
      "WHERE seq = ?1");
    update_terminal_ = db_.prepare(
      "UPDATE operation SET status = ?2, updated_at = ?3, "
      "last_error = ?5, http_status = ?6, last_transition = ?7 "
      "WHERE seq = ?1");
    select_ = db_.prepare("SELECT " WAYBILL_OPERATION_COLUMNS
                          " FROM operation WHERE id = ?1");
    // `status >= 2` lets SQLite see that the partial index serves.
    delete_ = db_.prepare(
      "DELETE FROM operation WHERE seq IN (SELECT seq FROM operation "
      "WHERE status >= 2 AND status = ?1 AND updated_at < ?2 "
      "ORDER BY updated_at LIMIT ?3) "
      "RETURNING kind, id, seq, last_transition");
  }

  void close_database() noexcept {
    finishing_ = false; // closing the log waits
    for (auto* const stmt :
         {&begin_, &commit_, &insert_, &find_, &update_attempt_, &update_retry_,
          &update_terminal_, &select_, &delete_, &restore_})
      *stmt = {};
    names_.close();
    counters_.close();
    in_flight_.close();
    transitions_.close();
    db_.close();
    log_.close();
  }

  // -- running verbs ----------------------------------------------------------

  [[nodiscard]] bool usable() const noexcept {
    return db_.is_open() && !broken_ && !failure_;
  }

  void require_usable() const {
    if (failure_)
      throw store_error{*failure_};
    if (broken_ || !db_.is_open())
      throw store_error{errc::not_stored,
                        options_.file + ": storage has failed; not stored"};
    if (begun_ && !db_.in_transaction())
      throw store_error{errc::not_stored,
                        "the transaction was rolled back after an error"};
  }

  // Whether a COMMIT that failed and was rolled back is certain not to come
  // back. After a failed sync nothing is: what the log shows may not be what
  // the disk holds.
  bool is_undone(const store_error& e) const noexcept {
    return e.code() != errc::store_corrupt
           && e.sqlite_code() != SQLITE_IOERR_FSYNC
           && e.sqlite_code() != SQLITE_IOERR_DIR_FSYNC && log_end_
           && is_surely_undone(db_.get(), *log_end_);
  }

  // Runs `f`; once it finds the file damaged, nothing is touched any more.
  template <class F>
  auto latched(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const store_error& e) {
      if (e.code() == errc::store_corrupt)
        failure_ = e;
      throw;
    }
  }

  // Runs a writing verb, in a transaction of its own if none is open.
  template <class F>
  auto guarded(F&& f) -> decltype(f()) {
    const auto alone = !begun_;
    if (alone)
      begin();
    else
      require_usable();
    writing_ = false;
    try {
      auto reply = latched(f);
      if (alone)
        commit();
      return reply;
    } catch (const store_error&) {
      if (alone)
        rollback();
      else if (writing_)
        undo_all();
      throw;
    } catch (const std::bad_alloc&) {
      // What is in memory may not match the transaction any more.
      undo_all();
      begun_ = begun_ && !alone;
      throw store_error{errc::not_stored, "out of memory; rolled back"};
    }
  }

  // The whole transaction goes; whoever has begun it hears of that.
  void undo_all() noexcept {
    const auto was_begun = begun_;
    rollback();
    begun_ = was_begun;
  }

  // Runs a statement that changes rows and their indexes. If it fails, or what
  // the verb does after it, the whole transaction has to go: SQLite undoes what
  // a statement has done only after some errors; after others, BUSY out of a
  // read for one, a row may be there without its index entries.
  void change_rows(sqlite::statement& stmt) {
    writing_ = true;
    stmt.run();
  }

  template <class F>
  update_reply transition(const tracked_operation_id& id, F&& apply) {
    return guarded([&] {
      const auto row = find(id);
      if (!row)
        return update_reply{update_outcome::not_found};
      if (is_terminal(row->status))
        return update_reply{update_outcome::already_terminal};
      apply(*row);
      return update_reply{update_outcome::applied};
    });
  }

  std::optional<found_row> find(const tracked_operation_id& id) {
    if (auto* const recent = recent_.find(id))
      return found_row{recent->seq,
                       recent->status,
                       recent->names[0],
                       recent->retry_count,
                       timestamp{recent->updated_at_us},
                       recent->chain,
                       recent};
    const auto bytes = encode_id(id);
    find_.bind_borrowed(1, bytes);
    const sqlite::reset_guard guard{find_};
    if (!find_.step())
      return std::nullopt;
    const transition_chain chain{find_.integer(5),
                                 find_.integer(5) == 0 ? 0 : -1};
    return found_row{find_.integer(0),
                     decode_status(find_.integer(1)),
                     find_.is_integer(2) ? find_.integer(2) : 0,
                     static_cast<std::int32_t>(find_.integer(4)),
                     timestamp{find_.integer(3)},
                     chain,
                     nullptr};
  }

  template <class Request>
  void write(sqlite::statement& update, const found_row& row,
             tracking_status status, const Request& request, timestamp now,
             bool repeats) {
    const auto updated_at = std::max(now, row.updated_at);
    std::string shortened; // must live until the statements have run
    const auto error = shown_error(request.last_error, shortened);
    const auto number
      = transitions_.is_on() && !repeats ? transitions_.next_number() : 0;
    update.bind(1, row.seq);
    if (&update != &update_retry_)
      update.bind(2, static_cast<std::int64_t>(status));
    update.bind(3, updated_at.us());
    bind_optional(update, 5, error);
    bind_optional(update, 6, request.http_status);
    update.bind(7, number != 0 ? number : row.chain.last);
    change_rows(update);
    auto chain = row.chain;
    if (number != 0) {
      std::int32_t retry_count = row.retry_count;
      if constexpr (requires { request.retry_count; })
        retry_count = request.retry_count;
      transitions_.append(number, row.seq, chain,
                          {status, retry_count, updated_at, request.http_status,
                           error});
    }
    if (row.recent == nullptr) {
      recent_.changed_elsewhere(request.id);
    } else {
      recent_.changed(*row.recent);
      row.recent->status = status;
      row.recent->updated_at_us = updated_at.us();
      row.recent->http_status = request.http_status.value_or(0);
      row.recent->chain = chain;
      recent_operations::set_error(*row.recent, error.has_value(),
                                   error.value_or(std::string_view{}));
    }
    if (status != row.status) {
      counters_.add(row.kind, row.status, -1);
      counters_.add(row.kind, status, 1);
      in_flight_.add(row.seq, row.status, -1);
      in_flight_.add(row.seq, status, 1);
    }
  }

  // As it is stored: not longer than it may be.
  // @param buffer holds what had to be shortened.
  std::optional<std::string_view>
  shown_error(const std::optional<std::string>& error,
              std::string& buffer) const {
    if (!error)
      return std::nullopt;
    if (error->size() <= options_.last_error_cap)
      return std::string_view{*error};
    buffer = truncate_utf8(*error, options_.last_error_cap);
    return std::string_view{buffer};
  }

  static void bind_optional(sqlite::statement& stmt, int at,
                            const std::optional<std::string_view>& text) {
    if (text)
      stmt.bind_borrowed(at, *text);
    else
      stmt.bind_null(at);
  }

  static void bind_optional(sqlite::statement& stmt, int at,
                            const std::optional<std::int32_t>& number) {
    if (number)
      stmt.bind(at, *number);
    else
      stmt.bind_null(at);
  }

  void prepare_restore() {
    if (restore_)
      return;
    restore_ = db_.prepare(
      "INSERT INTO operation (seq, id, status, retry_count, created_at, "
      "updated_at, kind, target, source_instance, source_script, source_node, "
      "http_status, last_error, last_transition) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
      "ON CONFLICT (id) DO NOTHING");
  }

  // @returns the kind's number.
  std::optional<std::int64_t> insert_restored(const tracking_status_snapshot& x,
                                              std::int64_t seq,
                                              std::int64_t last_transition) {
    const auto id = encode_id(x.id);
    const auto kind = names_.intern(name_field::kind, x.kind);
    restore_.bind(1, seq);
    restore_.bind_borrowed(2, id);
    restore_.bind(3, static_cast<std::int64_t>(x.status));
    restore_.bind(4, x.retry_count);
    restore_.bind(5, x.created_at.us());
    restore_.bind(6, x.updated_at.us());
    bind_name(restore_, 7, kind, x.kind);
    bind_interned(restore_, 8, name_field::target, x.target_summary);
    bind_interned(restore_, 9, name_field::source_instance,
                  x.source_instance_id);
    bind_interned(restore_, 10, name_field::source_script, x.source_script);
    bind_interned(restore_, 11, name_field::source_node, x.source_node);
    bind_optional(restore_, 12, x.http_status);
    std::string shortened;
    bind_optional(restore_, 13, shown_error(x.last_error, shortened));
    restore_.bind(14, last_transition);
    change_rows(restore_);
    return kind;
  }

  // The first one is the row itself; the others get the numbers after it.
  void restore_transitions(const operation_record& record, std::int64_t seq) {
    transition_chain chain;
    for (const auto& each : record.transitions) {
      if (&each == &record.transitions.front())
        continue;
      std::string shortened;
      transitions_.append(transitions_.next_number(), seq, chain,
                          {each.status, each.retry_count, each.at,
                           each.http_status,
                           shown_error(each.last_error, shortened)});
    }
  }

  // After a statement that has deleted as many rows as it was given.
  void fit_purge_lot(std::chrono::steady_clock::duration took) noexcept {
    const auto most = most_purge_statement_rows
                      / (2 * std::int64_t{options_.history} + 1);
    if (took > 2 * purge_statement_time)
      purge_lot_ /= 2;
    else if (2 * took < purge_statement_time)
      purge_lot_ *= 2;
    purge_lot_ = std::clamp<std::int64_t>(
      purge_lot_, 1, std::clamp<std::int64_t>(most, 1, 512));
  }

  std::int64_t delete_finished(tracking_status status, timestamp older_than,
                               std::int64_t limit) {
    delete_.bind(1, static_cast<std::int64_t>(status));
    delete_.bind(2, older_than.us());
    delete_.bind(3, limit);
    const sqlite::reset_guard guard{delete_};
    std::int64_t deleted = 0;
    writing_ = true; // see change_rows()
    next_seq_ = 0;   // the last row may go
    while (delete_.step()) {
      ++deleted;
      counters_.add(delete_.is_integer(0) ? delete_.integer(0) : 0, status, -1);
      recent_.erase(decode_id(delete_.blob(1)));
      transitions_.remove(delete_.integer(2), delete_.integer(3));
    }
    return deleted;
  }

  // -- columns ----------------------------------------------------------------

  static void bind_name(sqlite::statement& stmt, int at,
                        std::optional<std::int64_t> name,
                        std::string_view text) {
    if (name)
      stmt.bind(at, *name);
    else
      stmt.bind_borrowed(at, text);
  }

  // None as well if the text is not interned.
  std::optional<std::int64_t>
  bind_interned(sqlite::statement& stmt, int at, name_field field,
                const std::optional<std::string>& text) {
    if (!text) {
      stmt.bind_null(at);
      return std::nullopt;
    }
    const auto name = names_.intern(field, *text);
    bind_name(stmt, at, name, *text);
    return name;
  }

  static std::int32_t to_name_id(std::optional<std::int64_t> name) noexcept {
    return static_cast<std::int32_t>(name.value_or(0));
  }

  tracking_status_snapshot decode(const recent_operations::entry& from) {
    const auto name = [&](name_field field) -> std::optional<std::string> {
      const auto* const text
        = names_.find(from.names[static_cast<std::size_t>(field)]);
      return text == nullptr ? std::nullopt : std::optional{*text};
    };
    tracking_status_snapshot x;
    x.id = from.id;
    x.status = from.status;
    x.retry_count = from.retry_count;
    if (from.http_status != 0)
      x.http_status = from.http_status;
    x.created_at = timestamp{from.created_at_us};
    x.updated_at = timestamp{from.updated_at_us};
    if (is_terminal(x.status))
      x.terminal_at = x.updated_at;
    x.kind = name(name_field::kind).value_or("");
    x.target_summary = name(name_field::target);
    x.source_instance_id = name(name_field::source_instance);
    x.source_script = name(name_field::source_script);
    x.source_node = name(name_field::source_node);
    if (from.has_error)
      x.last_error = from.last_error;
    return x;
  }

  store_options options_;
  file_ownership ownership_;
  sqlite::sealed_vfs vfs_; // SQLite changes it
  sqlite::connection db_;
  log_keeper log_;
  name_table names_;
  status_counters counters_;
  in_flight_blocks in_flight_;
  transition_log transitions_;
  recent_operations recent_;
  sqlite::statement begin_;
  sqlite::statement commit_;
  sqlite::statement insert_;
  sqlite::statement find_;
  sqlite::statement update_attempt_;
  sqlite::statement update_retry_;
  sqlite::statement update_terminal_;
  sqlite::statement select_;
  sqlite::statement delete_;
  std::int64_t purge_lot_ = 1; // rows for it
  sqlite::statement restore_;  // prepared when it is first needed
  // What SQLite gives a row without a number, if that is known: it need not
  // look whether there is such a row then, a fifteenth of an enqueue.
  std::int64_t next_seq_ = 0;
  std::optional<log_end> log_end_; // when the transaction began
  bool begun_ = false;             // begin() was called and not ended
  bool finishing_ = false;         // begin_commit() was, not finish_commit()
  bool broken_ = false;            // a COMMIT ended without saying how
  bool writing_ = false;           // a statement is changing rows
  std::optional<store_error> failure_;
};

operation_tracking_store::operation_tracking_store(store_options options)
  : impl_{std::make_unique<impl>(std::move(options))} {}

operation_tracking_store::~operation_tracking_store() = default;

operation_tracking_store::operation_tracking_store(
  operation_tracking_store&&) noexcept = default;

operation_tracking_store& operation_tracking_store::operator=(
  operation_tracking_store&&) noexcept = default;

enqueue_reply
operation_tracking_store::record_enqueue(const waybill::record_enqueue& request,
                                         timestamp now) {
  return impl_->record_enqueue(request, now);
}

update_reply
operation_tracking_store::record_attempt(const waybill::record_attempt& request,
                                         timestamp now) {
  return impl_->record_attempt(request, now);
}

update_reply operation_tracking_store::record_terminal(
  const waybill::record_terminal& request, timestamp now) {
  return impl_->record_terminal(request, now);
}

status_reply
operation_tracking_store::get_status(const waybill::get_status& request,
                                     timestamp now) {
  return impl_->get_status(request, now);
}

enqueue_reply
operation_tracking_store::restore(const operation_record& record) {
  return impl_->restore(record);
}

purge_reply
operation_tracking_store::purge_terminal(const waybill::purge_terminal& request,
                                         timestamp now) {
  constexpr std::int64_t chunk_rows = 512;
  constexpr auto chunk_time = std::chrono::milliseconds{50};
  purge_reply reply;
  for (;;) {
    const auto step = purge_chunk(request, now, chunk_rows, chunk_time);
    reply.deleted += step.deleted;
    if (step.finished)
      return reply;
  }
}

void operation_tracking_store::begin() {
  impl_->begin();
}

void operation_tracking_store::commit() {
  impl_->commit();
}

bool operation_tracking_store::begin_commit(std::function<void()> on_synced) {
  return impl_->begin_commit(std::move(on_synced));
}

bool operation_tracking_store::commit_has_ended() const {
  return impl_->commit_has_ended();
}

std::chrono::steady_clock::time_point
operation_tracking_store::finish_commit() {
  return impl_->finish_commit();
}

void operation_tracking_store::probe_write() {
  impl_->probe_write();
}

void operation_tracking_store::rollback() noexcept {
  impl_->rollback();
}

bool operation_tracking_store::in_transaction() const noexcept {
  return impl_->in_transaction();
}

operation_tracking_store::purge_progress
operation_tracking_store::purge_chunk(const waybill::purge_terminal& request,
                                      timestamp now, std::int64_t max_rows,
                                      std::chrono::microseconds max_time) {
  return impl_->purge_chunk(request, now, max_rows, max_time);
}

counts_reply operation_tracking_store::get_counts() {
  return impl_->get_counts();
}

std::optional<timestamp>
operation_tracking_store::oldest_finished(tracking_status status) {
  return impl_->oldest_finished_in(status);
}

store_size operation_tracking_store::size() {
  return impl_->size();
}

bool operation_tracking_store::may_be_undone(
  const tracked_operation_id& id) const noexcept {
  return impl_->may_be_undone(id);
}

void operation_tracking_store::maintain() {
  impl_->maintain();
}

bool operation_tracking_store::checkpoint_is_due() const noexcept {
  return impl_->checkpoint_is_due();
}

bool operation_tracking_store::give_back_space(int max_pages, bool keep_some) {
  return impl_->give_back_space(max_pages, keep_some);
}

std::int64_t operation_tracking_store::wal_bytes() const noexcept {
  return impl_->log().bytes();
}

bool operation_tracking_store::log_is_held() const noexcept {
  return impl_->log().is_held();
}

bool operation_tracking_store::log_is_overgrown() const noexcept {
  return impl_->log().is_overgrown();
}

void operation_tracking_store::condemn(const store_error& found) {
  impl_->condemn(found);
}

bool operation_tracking_store::needs_recovery() const noexcept {
  return impl_->needs_recovery();
}

void operation_tracking_store::recover() {
  impl_->recover();
}

void operation_tracking_store::close() noexcept {
  impl_->close();
}

const store_options& operation_tracking_store::options() const noexcept {
  return impl_->options();
}

} // namespace waybill
