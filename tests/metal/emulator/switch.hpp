// The one machine-dependent step: put away this stack's registers and take up another's.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {
class Registers {
 public:
  // The first change to these registers calls begin(argument), which never returns, on the given stack.
  void prepare(void* stack, std::size_t bytes, void (*begin)(void*), void* argument);
  static void change(Registers& from, Registers& to);

 private:
#if defined(__x86_64__)
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_;
#endif
};
}  // namespace emulator
