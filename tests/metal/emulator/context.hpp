// A stack of execution that can stop and go on: the calling thread's own, or a fiber's.
#pragma once

#include <cstddef>

#include "switch.hpp"

namespace emulator {
class Context {
 public:
  Context();  // the calling thread's own stack
  Context(void (*start)(void*), void* argument);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Stops `from`, which must be running, and goes on with `to`.
  static void change(Context& from, Context& to);

 private:
  static void begin(void* self);

  void (*start_)(void*) = nullptr;
  void* argument_ = nullptr;
  Registers registers_;
  void* mapping_ = nullptr;  // the stack below a page that may not be touched
  void* stack_ = nullptr;
  std::size_t stack_bytes_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
  void* tsan_fiber_ = nullptr;
};

// Happens-before edges for ThreadSanitizer; nothing in other builds.
void tsan_acquire(void* sync);
void tsan_release(void* sync);
void tsan_ignore(const void* data, std::size_t bytes);  // races there are not reported, for good
extern const bool under_tsan;
}  // namespace emulator
