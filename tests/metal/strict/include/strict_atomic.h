// Relaxed atomics on device and threadgroup memory; float has addition on device memory only.
#pragma once
namespace metal {
enum memory_order { memory_order_relaxed };
template <class T>
struct atomic {
  T value;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<float> atomic_float;

#define STRICT_ATOMIC(space, T)                                            \
  T atomic_load_explicit(const volatile space atomic<T>*, memory_order);   \
  void atomic_store_explicit(volatile space atomic<T>*, T, memory_order);  \
  T atomic_exchange_explicit(volatile space atomic<T>*, T, memory_order);  \
  T atomic_fetch_add_explicit(volatile space atomic<T>*, T, memory_order); \
  T atomic_fetch_min_explicit(volatile space atomic<T>*, T, memory_order); \
  T atomic_fetch_max_explicit(volatile space atomic<T>*, T, memory_order); \
  T atomic_fetch_or_explicit(volatile space atomic<T>*, T, memory_order);  \
  T atomic_fetch_and_explicit(volatile space atomic<T>*, T, memory_order);
STRICT_ATOMIC(device, int)
STRICT_ATOMIC(device, uint)
STRICT_ATOMIC(threadgroup, int)
STRICT_ATOMIC(threadgroup, uint)
#undef STRICT_ATOMIC
float atomic_load_explicit(const volatile device atomic<float>*, memory_order);
void atomic_store_explicit(volatile device atomic<float>*, float, memory_order);
float atomic_fetch_add_explicit(volatile device atomic<float>*, float, memory_order);
}  // namespace metal
