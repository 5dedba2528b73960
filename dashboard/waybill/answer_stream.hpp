// An answer that goes on: what of it is there is sent, and the server hears
// when there is more.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

namespace waybill::dashboard {

/// One thread writes, another one reads; each may end it.
class answer_stream {
public:
  enum class state : unsigned char { open, waits, ended };

  struct part {
    std::size_t bytes = 0;
    state is = state::open;
  };

  /// Reads what is there. If that is nothing, `wait` is called, and then `wake`
  /// as soon as there is something; neither of them may come back here.
  part read(char* to, std::size_t size, const std::function<void()>& wait,
            std::function<void()> wake) {
    const std::lock_guard guard{mutex_};
    const auto bytes = text_.copy(to, size, sent_);
    sent_ += bytes;
    if (sent_ == text_.size()) {
      text_.clear();
      sent_ = 0;
    }
    if (bytes > 0)
      return {bytes, state::open};
    if (ended_)
      return {0, state::ended};
    wake_ = std::move(wake);
    wait();
    return {0, state::waits};
  }

  void write(const std::string& text) {
    const std::lock_guard guard{mutex_};
    // Who never comes to the end holds no more than what is unread.
    text_.erase(0, sent_);
    sent_ = 0;
    text_ += text;
    wake_up();
  }

  /// Nothing comes behind what is there.
  void end() {
    const std::lock_guard guard{mutex_};
    ended_ = true;
    wake_up();
  }

  /// Bytes that have not been read.
  [[nodiscard]] std::size_t unread() const {
    const std::lock_guard guard{mutex_};
    return text_.size() - sent_;
  }

  /// Bytes that are held, read or not.
  [[nodiscard]] std::size_t held() const {
    const std::lock_guard guard{mutex_};
    return text_.size();
  }

  [[nodiscard]] bool has_ended() const {
    const std::lock_guard guard{mutex_};
    return ended_;
  }

private:
  void wake_up() {
    if (wake_)
      std::exchange(wake_, nullptr)();
  }

  mutable std::mutex mutex_;
  std::string text_;
  std::size_t sent_ = 0;
  bool ended_ = false;
  std::function<void()> wake_;
};

} // namespace waybill::dashboard
