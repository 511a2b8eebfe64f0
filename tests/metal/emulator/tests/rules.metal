// Kernels that break one rule each, and a few that keep them in unusual ways.
#include <metal_stdlib>
using namespace metal;

inline float both(float x, bool first) {
  if (first) return simd_sum(x);
  return simd_max(x);
}

kernel void barrier_in_branch(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  if (t < 40u) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  x[t] = 1.0f;
}

kernel void barrier_after_return(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  if (t == 63u) return;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[t] = 1.0f;
}

kernel void different_barriers(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  if (t < 32u) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  } else {
    threadgroup_barrier(mem_flags::mem_none);
  }
  x[t] = 1.0f;
}

kernel void simd_in_branch(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  float sum = 0.0f;
  if (t < 5u) sum = simd_sum(1.0f);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[t] = sum;
}

kernel void different_simd_operations(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  x[t] = both(1.0f, t % 2u == 0u);
}

kernel void simd_after_return(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  if (t == 9u) return;
  x[t] = simd_sum(1.0f);
}

kernel void simd_against_barrier(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  if (t < 16u) {
    simdgroup_barrier(mem_flags::mem_threadgroup);
  } else {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  x[t] = 1.0f;
}

kernel void one_simdgroup_works(device float* x [[buffer(0)]], uint t [[thread_index_in_threadgroup]],
                                uint sg [[simdgroup_index_in_threadgroup]]) {
  float sum = 0.0f;
  if (sg == 1u) sum = simd_sum(float(t));
  simdgroup_barrier(mem_flags::mem_threadgroup);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[t] = sum;
}

kernel void group_returns(device float* x [[buffer(0)]], uint group [[threadgroup_position_in_grid]],
                          uint t [[thread_index_in_threadgroup]]) {
  if (group == 1u) return;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[group * 64u + t] = 1.0f;
}

kernel void memory_at_start(device uint* out [[buffer(0)]], threadgroup uint* bound [[threadgroup(0)]],
                            uint group [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
  threadgroup uint own[32];
  device uint* row = out + group * 96u;
  row[t] = bound[t];
  row[32u + t] = own[t];
  uint half_written[2];
  half_written[group % 2u] = 0u;
  row[64u + t] = half_written[(group + 1u) % 2u];
  bound[t] = 0u;
  own[t] = 0u;
}

kernel void much_memory(device float* x [[buffer(0)]], threadgroup float* bound [[threadgroup(0)]],
                        uint t [[thread_index_in_threadgroup]]) {
  threadgroup float own[7000];
  own[t] = bound[t];
  x[t] = own[t];
}

// The order of threads shows: the last to run wins.
kernel void order_of_threads(device atomic_uint& last [[buffer(0)]], uint t [[thread_position_in_grid]]) {
  atomic_store_explicit(&last, t, memory_order_relaxed);
}

[[max_total_threads_per_threadgroup(64)]] kernel void few_threads(device float* x [[buffer(0)]],
                                                                  constant float4& p [[buffer(1)]],
                                                                  uint t [[thread_position_in_grid]]) {
  x[t] = p.x;
}
