// What has to begin and end with the store's transactions.
#pragma once

#include "waybill/sqlite.hpp"

namespace waybill {

/// A part of the store that keeps in memory what a transaction changes: it is
/// told of each step of a transaction, and does its share of it.
class transaction_participant {
public:
  transaction_participant() = default;
  virtual ~transaction_participant() = default;

  transaction_participant(const transaction_participant&) = delete;
  transaction_participant& operator=(const transaction_participant&) = delete;

  /// Reads from a database that has been opened, and prepares statements.
  virtual void load(sqlite::connection& db) = 0;

  /// Gives up the statements, so that the database can be closed.
  virtual void close() noexcept = 0;

  /// A transaction has begun.
  /// @param unfinished whether the one before may be undone yet.
  virtual void on_begin(bool /*unfinished*/) noexcept {}

  /// COMMIT comes next: writes what is written once a transaction.
  virtual void flush() {}

  virtual void on_commit() noexcept {}

  /// The transactions before the last that has begun cannot be undone any more.
  virtual void on_finish() noexcept {}

  /// Forgets what the last transaction has changed. May come twice.
  /// @param unfinished whether the one before may be undone yet.
  virtual void on_rollback(bool unfinished) noexcept = 0;
};

} // namespace waybill
