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
  wait(State::in_simdgroup, operation, place);
  return {simdgroup.slots[set], simdgroup.order[set]};
}

void Group::simdgroup_barrier(unsigned memory, Place place) {
  const Thread& thread = running_->thread;
  barrier(State::in_simdgroup, "simdgroup_barrier", 1 + thread.simdgroup_index_in_threadgroup, ++running_->simd_count,
          memory, place);
}

void Group::threadgroup_barrier(unsigned memory, Place place) {
  barrier(State::at_barrier, "threadgroup_barrier", 0, ++running_->barrier_count, memory, place);
}

void Group::barrier(State state, const char* operation, std::size_t owner, unsigned count, unsigned memory,
                    Place place) {
  const unsigned watched = options_.fences == Fences::device        ? device_memory
                           : options_.fences == Fences::threadgroup ? threadgroup_memory
                                                                    : device_memory | threadgroup_memory;
  // Two in turn: a thread already at the next barrier must not hand its writes to one that still leaves this one.
  const std::size_t group = groups_run_ % groups_between_frees;
  char* sync = &syncs_[(group * (1 + simdgroups_.size()) + owner) * 2 + (count & 1)];
  const bool orders = (memory & watched) != 0;
  if (orders) tsan_release(sync);
  wait(state, operation, place);
  if (orders) tsan_acquire(sync);
}

unsigned lane() { return Group::current().lane(); }

Lanes exchange(const void* value, unsigned long bytes, const char* operation, Place place) {
  return Group::current().exchange(value, bytes, operation, place);
}

void simdgroup_barrier(unsigned memory, Place place) { Group::current().simdgroup_barrier(memory, place); }

void threadgroup_barrier(unsigned memory, Place place) { Group::current().threadgroup_barrier(memory, place); }

void* threadgroup_array(unsigned ordinal) { return Group::current().threadgroup_array(ordinal); }

void fail(const char* what, Place place) {
  throw Error("kernel " + Group::current().kernel_name() + ": " + what + " (" + place.file + ":" +
              std::to_string(place.line) + ")");
}
}  // namespace emulator
