// Rejected: threadgroups need not run at the same time.
// Finds: spin-wait
#include <metal_stdlib>
using namespace metal;

kernel void wait(device float* x [[buffer(0)]], device atomic_uint* done [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  while (atomic_load_explicit(done, memory_order_relaxed) == 0u) {
  }
  x[i] = 1.0f;
}
