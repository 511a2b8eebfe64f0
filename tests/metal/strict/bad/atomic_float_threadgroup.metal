// Rejected: float atomics exist in device memory only.
// Finds: no matching function for call to 'atomic_fetch_add_explicit'
#include <metal_stdlib>
using namespace metal;

kernel void add(device float* x [[buffer(0)]], threadgroup atomic_float* total [[threadgroup(0)]],
                uint i [[thread_position_in_grid]]) {
  atomic_fetch_add_explicit(total, x[i], memory_order_relaxed);
}
