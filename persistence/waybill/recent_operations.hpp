// The operations that were written last, in memory: their next step needs no
// search, and questions about them no read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/name_table.hpp"
#include "waybill/tracked_operation_id.hpp"
#include "waybill/tracking_status.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

/// A cache of a fixed number of rows, as last written, uncommitted changes
/// included: whoever rolls back clears it. Each id has one slot, which the next
/// id with the same slot takes over.
class recent_operations {
  static constexpr std::size_t cache_line = 64; // bytes

public:
  struct alignas(2 * cache_line) entry {
    tracked_operation_id id;
    std::int64_t seq = 0; // 0: empty
    std::int64_t created_at_us = 0;
    std::int64_t updated_at_us = 0;
    /// Ids of the interned names, by name_field; 0 for none.
    std::array<std::int32_t, num_name_fields> names{};
    tracking_status status = tracking_status::submitted;
    bool has_error = false;
    /// False if the row holds more than this: texts that are not interned, or a
    /// long error.
    bool is_complete = false;
    std::int32_t retry_count = 0;
    std::int32_t http_status = 0; // 0: none
    transition_chain chain;
    std::int64_t transaction = 0; // that changed it last
    std::string last_error;       // meaningless without `has_error`
  };

  static_assert(sizeof(entry) == 2 * cache_line);

  /// The operation as last written, or null.
  [[nodiscard]] entry* find(const tracked_operation_id& id) noexcept {
    if (entries_.empty())
      return nullptr;
    auto& x = slot(id);
    return x.seq != 0 && x.id == id ? &x : nullptr;
  }

  /// The slot for an operation, whatever it holds; the caller fills all of it.
  entry& put(const tracked_operation_id& id) {
    if (entries_.empty())
      entries_.resize(num_entries);
    auto& x = slot(id);
    if (x.seq != 0 && x.transaction >= first_open_ && x.id != id)
      changed_uncached(x.id);
    x.id = id;
    x.transaction = transaction_;
    return x;
  }

  void changed(entry& x) noexcept { x.transaction = transaction_; }

  /// The transaction changes an operation that is not remembered.
  void changed_uncached(const tracked_operation_id& id) noexcept {
    uncached_changes_.add(id);
  }

  /// Changes belong to another transaction from here on.
  /// @param open whether the one before may be undone yet
  void begin_transaction(bool open) noexcept {
    ++transaction_;
    if (open)
      uncached_changes_before_.add(uncached_changes_);
    else
      only_last_is_open();
    uncached_changes_.clear();
  }

  /// The transactions before the last one cannot be undone any more.
  void only_last_is_open() noexcept {
    first_open_ = transaction_;
    uncached_changes_before_.clear();
  }

  /// Whether a transaction that may be undone may have changed an operation.
  /// Knows all that it remembers, and a few of the others.
  [[nodiscard]] bool may_have_changed(const tracked_operation_id& id) noexcept {
    const auto* const x = find(id);
    return (x != nullptr && x->transaction >= first_open_)
           || uncached_changes_.may_hold(id)
           || uncached_changes_before_.may_hold(id);
  }

  /// Fetches an operation's slot from main memory meanwhile. Always inline: GCC
  /// 12 takes a call for one without effect and leaves it out.
  [[gnu::always_inline]] void
  prefetch(const tracked_operation_id& id) noexcept {
    if (entries_.empty())
      return;
    const auto* const bytes = reinterpret_cast<const char*>(&slot(id));
    __builtin_prefetch(bytes, 1);
    __builtin_prefetch(bytes + cache_line, 1);
  }

  void erase(const tracked_operation_id& id) noexcept {
    if (auto* const x = find(id))
      x->seq = 0;
    changed_uncached(id);
  }

  /// @param open whether a transaction may be undone yet: it may have changed
  ///        anything.
  void clear(bool open) noexcept {
    entries_.clear();
    if (open)
      uncached_changes_before_.overflow();
  }

  /// Keeps the error text of a row if it is short enough.
  static void set_error(entry& x, bool present, std::string_view text) {
    x.has_error = present;
    if (!present)
      return;
    if (text.size() > max_error_bytes)
      x.is_complete = false;
    else
      x.last_error = text;
  }

private:
  static constexpr std::size_t num_entries = 16'384;
  static constexpr std::size_t max_error_bytes = 256;

  entry& slot(const tracked_operation_id& id) noexcept {
    const auto mixed = (id.high() ^ id.low()) * 0x9E37'79B9'7F4A'7C15U;
    return entries_[mixed >> 50U];
  }

  static_assert(num_entries == std::size_t{1} << 14U);

  // A few ids. Holds any once there were more.
  class few_ids {
  public:
    void add(const tracked_operation_id& id) noexcept {
      if (size_ < ids_.size())
        ids_[size_] = id;
      ++size_;
    }
    void add(const few_ids& x) noexcept {
      if (x.size_ > ids_.size())
        overflow();
      for (std::size_t i = 0; i < std::min(x.size_, ids_.size()); ++i)
        add(x.ids_[i]);
    }
    void clear() noexcept { size_ = 0; }
    void overflow() noexcept { size_ = ids_.size() + 1; }
    [[nodiscard]] bool may_hold(const tracked_operation_id& id) const noexcept {
      const auto end
        = ids_.begin()
          + static_cast<std::ptrdiff_t>(std::min(size_, ids_.size()));
      return size_ > ids_.size() || std::find(ids_.begin(), end, id) != end;
    }

  private:
    std::array<tracked_operation_id, 64> ids_{};
    std::size_t size_ = 0;
  };

  std::vector<entry> entries_;
  std::int64_t transaction_ = 0;
  std::int64_t first_open_ = 0;     // all transactions before it are durable
  few_ids uncached_changes_;        // of the last transaction
  few_ids uncached_changes_before_; // of the one before, while it may be undone
};

/// What is remembered of an operation, which must be complete.
tracking_status_snapshot to_snapshot(const recent_operations::entry& from,
                                     const name_table& names);

} // namespace waybill
