// Rejected: an atomic operation on memory that is not atomic.
// Finds: no matching function for call to 'atomic_fetch_add_explicit'
#include <metal_stdlib>
using namespace metal;

kernel void count(device uint* bins [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  atomic_fetch_add_explicit(&bins[i], 1u, memory_order_relaxed);
}
