// What a translated kernel sees of the runtime. No standard header: a stray log() or abs() must not find the C library.
#pragma once

namespace emulator {
constexpr unsigned simd_width = 32;
constexpr unsigned slot_bytes = 64;

struct Triple {
  unsigned x, y, z;
};

struct Block {
  void* data;
  unsigned long bytes;
};

// One GPU thread: its position, and the memory its kernel was given.
struct Thread {
  Triple thread_position_in_grid, thread_position_in_threadgroup, threadgroup_position_in_grid;
  Triple threads_per_grid, threads_per_threadgroup, threadgroups_per_grid;
  unsigned thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  unsigned simdgroups_per_threadgroup, threads_per_simdgroup;
  const Block* buffers;
  const Block* threadgroup_memory;
};

// Where a kernel called an operation; the defaults are evaluated at the call, so #line makes it a .metal line.
struct Place {
  const char* file;
  int line;
  static constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

struct Lanes {
  const unsigned char (*slots)[slot_bytes];
  const unsigned char* order;  // in which a reduction takes the lanes: any order is possible on a GPU
};

unsigned lane();
// Deposits this lane's bytes, waits for the whole simdgroup and returns what all 32 lanes deposited.
Lanes exchange(const void* value, unsigned long bytes, const char* operation, Place place);
constexpr unsigned device_memory = 1, threadgroup_memory = 2;  // what a barrier orders: the values of mem_flags
void threadgroup_barrier(unsigned memory, Place place);
void simdgroup_barrier(unsigned memory, Place place);
// The block of the kernel's n-th `threadgroup T name[size];`, the same for all threads of the group.
void* threadgroup_array(unsigned ordinal);
[[noreturn]] void fail(const char* what, Place place);

float exp(float x);
float log(float x);
float sin(float x);
float cos(float x);
float rsqrt(float x);

template <class T>
T as(const Triple& triple);
template <>
inline unsigned as<unsigned>(const Triple& triple) {
  return triple.x;
}

template <class T>
T* pointer(const Block& block) {
  return static_cast<T*>(block.data);
}
template <class T>
T& reference(const Block& block) {
  return *static_cast<T*>(block.data);
}

struct LinkedParameter {
  char binding;  // 'b'uffer, 't'hreadgroup memory, 'i': builtin
  int index;
  const char *name, *type;
  unsigned long element_bytes, alignment;
  bool writable, reference;
};

struct LinkedKernel {
  const char *name, *file;
  int line;
  void (*entry)(const Thread&);
  const LinkedParameter* parameters;
  unsigned parameter_count, max_threads;
  const unsigned long* array_bytes;  // of the kernel's threadgroup arrays, in order; ends with 0
};

struct LinkedFile {
  const LinkedKernel* kernels;
  unsigned count;
};

// The generated index of the program's kernels; ends with a null pointer.
extern const LinkedFile* const linked_files[];
}  // namespace emulator
