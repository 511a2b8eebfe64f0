#include "switch.hpp"

#include <cstdint>

#if defined(__x86_64__)
// swapcontext() makes a system call each time, and a kernel's barriers switch millions of times.
extern "C" void emulator_switch(void** save, void* to);
extern "C" void emulator_begin();
asm(R"(
.text
.hidden emulator_switch
.globl emulator_switch
.type emulator_switch,@function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch,.-emulator_switch
.hidden emulator_begin
.globl emulator_begin
.type emulator_begin,@function
emulator_begin:
  .cfi_startproc
  .cfi_undefined rip
  movq %r13,%rdi
  callq *%r12
  ud2
  .cfi_endproc
.size emulator_begin,.-emulator_begin
)");

namespace emulator {
void Registers::prepare(void* stack, std::size_t bytes, void (*begin)(void*), void* argument) {
  // What emulator_switch pops: r15, r14, r13 (the argument), r12 (the function), rbx, rbp, then where it returns to.
  const auto top = (reinterpret_cast<std::uintptr_t>(stack) + bytes) / 64 * 64;
  void** frame = reinterpret_cast<void**>(top) - 8;
  for (int i = 0; i < 8; ++i) frame[i] = nullptr;
  frame[3] = argument;
  frame[4] = reinterpret_cast<void*>(begin);
  frame[7] = reinterpret_cast<void*>(&emulator_begin);
  stack_pointer_ = frame + 1;
}

void Registers::change(Registers& from, Registers& to) { emulator_switch(&from.stack_pointer_, to.stack_pointer_); }
}  // namespace emulator
#else
namespace emulator {
namespace {
// makecontext hands on ints only: each pointer travels as two halves.
unsigned low(std::uintptr_t word) { return static_cast<unsigned>(word); }
unsigned high(std::uintptr_t word) { return static_cast<unsigned>(std::uint64_t{word} >> 32); }
std::uintptr_t join(unsigned low_half, unsigned high_half) {
  return static_cast<std::uintptr_t>(std::uint64_t{high_half} << 32 | low_half);
}

void call(unsigned begin_low, unsigned begin_high, unsigned argument_low, unsigned argument_high) {
  const auto begin = reinterpret_cast<void (*)(void*)>(join(begin_low, begin_high));
  begin(reinterpret_cast<void*>(join(argument_low, argument_high)));
}
}  // namespace

void Registers::prepare(void* stack, std::size_t bytes, void (*begin)(void*), void* argument) {
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack;
  context_.uc_stack.ss_size = bytes;
  context_.uc_link = nullptr;
  const auto f = reinterpret_cast<std::uintptr_t>(begin), a = reinterpret_cast<std::uintptr_t>(argument);
  makecontext(&context_, reinterpret_cast<void (*)()>(&call), 4, low(f), high(f), low(a), high(a));
}

void Registers::change(Registers& from, Registers& to) { swapcontext(&from.context_, &to.context_); }
}  // namespace emulator
#endif
