#include "waybill/log_syncer.hpp"

#include <exception>
#include <utility>

namespace waybill::sqlite {

bool log_syncer::start(std::function<void()> done) {
  put_off_ = false;
  if (!std::exchange(wanted_, false))
    return false;
  try {
    if (!thread_.joinable())
      thread_
        = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
  } catch (const std::exception&) { // no thread is to be had
    result_ = log_->pMethods->xSync(log_, flags_);
    ended_ = std::chrono::steady_clock::now();
    done();
    return true;
  }
  {
    const std::lock_guard guard{mutex_};
    done_ = std::move(done);
    under_way_ = true;
  }
  changed_.notify_all();
  return true;
}

bool log_syncer::is_under_way() const {
  const std::lock_guard guard{mutex_};
  return under_way_;
}

int log_syncer::finish() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !under_way_; });
  return result_;
}

std::chrono::steady_clock::time_point log_syncer::ended() const {
  const std::lock_guard guard{mutex_};
  return ended_;
}

void log_syncer::stop() {
  finish();
  thread_ = {}; // asks it to end, and waits
}

void log_syncer::opened(sqlite3_file* log) noexcept {
  log_ = log;
  put_off_ = wanted_ = header_is_new_ = false;
  result_ = SQLITE_OK; // none is under way: the log before has been closed
}

int log_syncer::sync(int flags) {
  if (const auto code = finish(); code != SQLITE_OK)
    return code;
  if (put_off_ && !header_is_new_) {
    wanted_ = true;
    flags_ = flags;
    return SQLITE_OK;
  }
  header_is_new_ = false;
  return log_->pMethods->xSync(log_, flags);
}

void log_syncer::run(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (changed_.wait(lock, stop, [this] { return under_way_; })) {
    auto done = std::exchange(done_, nullptr);
    lock.unlock();
    const auto code = log_->pMethods->xSync(log_, flags_);
    lock.lock();
    result_ = code;
    ended_ = std::chrono::steady_clock::now();
    under_way_ = false;
    changed_.notify_all();
    lock.unlock();
    done();
    done = nullptr; // what it holds may do anything when it goes
    lock.lock();
  }
}

} // namespace waybill::sqlite
