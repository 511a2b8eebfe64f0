// Denormal numbers count as zero, as on the GPU, for as long as one of these lives on this thread.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace emulator {
class FlushDenormals {
 public:
  explicit FlushDenormals(bool flush) : saved_(read()) {
    if (flush) write(saved_ | bits);
  }
  ~FlushDenormals() { write(saved_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned bits = 0x8040;  // flush results, denormals are zero
  static unsigned read() { return _mm_getcsr(); }
  static void write(unsigned state) { _mm_setcsr(state); }
  unsigned saved_;
#elif defined(__aarch64__)
  static constexpr unsigned long bits = 1UL << 24;  // FPCR.FZ
  static unsigned long read() {
    unsigned long state;
    asm volatile("mrs %0, fpcr" : "=r"(state));
    return state;
  }
  static void write(unsigned long state) { asm volatile("msr fpcr, %0" : : "r"(state)); }
  unsigned long saved_;
#else
#error "the emulator does not know how this processor flushes denormals"
#endif
};
}  // namespace emulator
