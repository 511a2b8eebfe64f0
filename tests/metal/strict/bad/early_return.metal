// Rejected: threads that return are missing at the barrier.
// Finds: return before a barrier or simd operation
#include <metal_stdlib>
using namespace metal;

kernel void reduce(device float* x [[buffer(0)]], threadgroup float* shared [[threadgroup(0)]], constant uint& n [[buffer(1)]],
                   uint i [[thread_position_in_threadgroup]]) {
  if (i >= n) return;
  shared[i] = x[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[i] = shared[n - 1 - i];
}
