// Memory that outlives a process that is killed, and that others see meanwhile.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "support/program.hpp"

namespace waybill::torture {

/// A T in a file that is mapped; made of zeros, so a T of zeros must mean that
/// nothing has happened yet.
template <class T>
class mapped {
public:
  /// @throws std::runtime_error
  explicit mapped(const std::string& file) {
    const test::descriptor fd{
      ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (::ftruncate(fd.get(), sizeof(T)) != 0)
      throw std::runtime_error{"cannot make " + file};
    at_ = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED,
                 fd.get(), 0);
    if (at_ == MAP_FAILED)
      throw std::runtime_error{"cannot map " + file};
  }
  ~mapped() { ::munmap(at_, sizeof(T)); }
  mapped(const mapped&) = delete;
  mapped& operator=(const mapped&) = delete;

  T* operator->() const { return static_cast<T*>(at_); }

private:
  void* at_ = nullptr;
};

} // namespace waybill::torture
