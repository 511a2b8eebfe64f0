// What kernels call: exchange within a simdgroup, barriers, threadgroup arrays.
#include "group.hpp"

namespace emulator {
Lanes Group::exchange(const void* value, unsigned long bytes, const char* operation, Place place) {
  Fiber& fiber = *running_;
  Simdgroup& simdgroup = simdgroups_[fiber.thread.simdgroup_index_in_threadgroup];
  const unsigned set = ++fiber.simd_count & 1;
  // volatile: a memcpy would be seen by ThreadSanitizer, which must not know of this memory
  volatile unsigned char* slot = simdgroup.slots[set][fiber.thread.thread_index_in_simdgroup];
  for (unsigned long i = 0; i < bytes; ++i) slot[i] = static_cast<const unsigned char*>(value)[i];
  stop(State::in_simdgroup, operation, place);
  return {simdgroup.slots[set], simdgroup.order[set]};
}

void Group::simdgroup_barrier(bool memory, Place place) {
  Fiber& fiber = *running_;
  char* sync = &simdgroups_[fiber.thread.simdgroup_index_in_threadgroup].sync[++fiber.simd_count & 1];
  if (memory) tsan_release(sync);
  stop(State::in_simdgroup, "simdgroup_barrier", place);
  if (memory) tsan_acquire(sync);
}

void Group::threadgroup_barrier(bool memory, Place place) {
  Fiber& fiber = *running_;
  // Two in turn: a thread already at the next barrier must not hand its writes to one that still leaves this one.
  char* sync = &barrier_sync_[++fiber.barrier_count & 1];
  if (memory) tsan_release(sync);
  stop(State::at_barrier, "threadgroup_barrier", place);
  if (memory) tsan_acquire(sync);
}

unsigned lane() { return Group::current().lane(); }

Lanes exchange(const void* value, unsigned long bytes, const char* operation, Place place) {
  return Group::current().exchange(value, bytes, operation, place);
}

void simdgroup_barrier(bool memory, Place place) { Group::current().simdgroup_barrier(memory, place); }

void threadgroup_barrier(bool memory, Place place) { Group::current().threadgroup_barrier(memory, place); }

void* threadgroup_array(unsigned ordinal) { return Group::current().threadgroup_array(ordinal); }

void fail(const char* what, Place place) {
  throw Error("kernel " + Group::current().kernel_name() + ": " + what + " (" + place.file + ":" +
              std::to_string(place.line) + ")");
}
}  // namespace emulator
