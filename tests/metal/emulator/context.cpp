#include "context.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

#if defined(EMULATOR_ADDRESS_SANITIZER)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(EMULATOR_THREAD_SANITIZER)
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* sync);
void __tsan_release(void* sync);
void AnnotateBenignRaceSized(const char* file, int line, const volatile void* data, long bytes, const char* why);
}
#endif

namespace emulator {
namespace {
constexpr std::size_t stack_size = 256 << 10;  // only touched pages take memory

std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
}  // namespace

#if defined(EMULATOR_THREAD_SANITIZER)
const bool under_tsan = true;
void tsan_acquire(void* sync) { __tsan_acquire(sync); }
void tsan_release(void* sync) { __tsan_release(sync); }
void tsan_ignore(const void* data, std::size_t bytes) {
  AnnotateBenignRaceSized(__FILE__, __LINE__, data, static_cast<long>(bytes), "the other memory is watched");
}
#else
const bool under_tsan = false;
void tsan_acquire(void*) {}
void tsan_release(void*) {}
void tsan_ignore(const void*, std::size_t) {}
#endif

Context::Context() {
#if defined(EMULATOR_ADDRESS_SANITIZER)
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &stack_, &stack_bytes_);
  pthread_attr_destroy(&attributes);
#elif defined(EMULATOR_THREAD_SANITIZER)
  tsan_fiber_ = __tsan_get_current_fiber();
#endif
}

Context::Context(void (*start)(void*), void* argument) : start_(start), argument_(argument), stack_bytes_(stack_size) {
  const std::size_t guard = page_size();
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  mapping_ = mmap(nullptr, guard + stack_bytes_, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapping_ == MAP_FAILED || mprotect(mapping_, guard, PROT_NONE) != 0) throw std::bad_alloc();
  stack_ = static_cast<char*>(mapping_) + guard;
  // Tops at different places in their pages: else the fibers' frames would all compete for the same lines of the cache.
  static std::atomic<std::size_t> made = 0;
  const std::size_t shift = made++ * 192 % 8192;
  registers_.prepare(stack_, stack_bytes_ - shift, &Context::begin, this);
#if defined(EMULATOR_THREAD_SANITIZER)
  tsan_fiber_ = __tsan_create_fiber(0);
#endif
}

Context::~Context() {
  if (mapping_ == nullptr) return;
#if defined(EMULATOR_ADDRESS_SANITIZER)
  ASAN_UNPOISON_MEMORY_REGION(stack_, stack_bytes_);  // a kernel abandoned in its middle leaves its frames marked
#elif defined(EMULATOR_THREAD_SANITIZER)
  __tsan_destroy_fiber(tsan_fiber_);
#endif
  munmap(mapping_, page_size() + stack_bytes_);
}

void Context::begin(void* self) {
  auto* context = static_cast<Context*>(self);
#if defined(EMULATOR_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  context->start_(context->argument_);
}

void Context::change(Context& from, Context& to) {
#if defined(EMULATOR_THREAD_SANITIZER)
  __tsan_switch_to_fiber(to.tsan_fiber_, 1);  // 1: the switch itself orders nothing, or no race could be seen
#elif defined(EMULATOR_ADDRESS_SANITIZER)
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.stack_, to.stack_bytes_);
#endif
  Registers::change(from.registers_, to.registers_);
#if defined(EMULATOR_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}
}  // namespace emulator
