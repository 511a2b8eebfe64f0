// What only a sanitizer sees. Each kernel names in a comment the line that must be reported.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

kernel void no_fault(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                     threadgroup float* bound [[threadgroup(0)]], uint group [[threadgroup_position_in_grid]],
                     uint t [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float own[64];
  for (uint round = 0u; round < 4u; ++round) {
    own[t] = in[t];
    bound[63u - t] = in[t];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const float sum = simd_sum(own[63u - t] + bound[t]);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    own[t] = sum + float(lane);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    out[group * 64u + t] = own[t ^ 1u];
    threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
    bound[63u - t] = out[group * 64u + (t ^ 32u)];
    threadgroup_barrier(mem_flags::mem_device);
  }
}

kernel void no_barrier(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                       threadgroup float* bound [[threadgroup(0)]], uint group [[threadgroup_position_in_grid]],
                       uint t [[thread_index_in_threadgroup]]) {
  bound[t] = in[t];
  out[group * 64u + t] = bound[63u - t];  // race: no_barrier
}

kernel void no_second_barrier(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                              threadgroup float* bound [[threadgroup(0)]], uint group [[threadgroup_position_in_grid]],
                              uint t [[thread_index_in_threadgroup]]) {
  for (uint round = 0u; round < 2u; ++round) {
    bound[t] = in[t];  // race: no_second_barrier
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[group * 64u + t] = bound[63u - t];
  }
}

kernel void barrier_without_memory(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                                   threadgroup float* bound [[threadgroup(0)]],
                                   uint group [[threadgroup_position_in_grid]],
                                   uint t [[thread_index_in_threadgroup]]) {
  bound[t] = in[t];
  threadgroup_barrier(mem_flags::mem_none);
  out[group * 64u + t] = bound[63u - t];  // race: barrier_without_memory
}

kernel void simd_is_no_barrier(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                               threadgroup float* bound [[threadgroup(0)]], uint group [[threadgroup_position_in_grid]],
                               uint t [[thread_index_in_threadgroup]]) {
  bound[t] = in[t];
  out[group * 64u + t] = simd_sum(1.0f);
  out[group * 64u + t] += bound[t ^ 1u];  // race: simd_is_no_barrier
}

kernel void simd_barrier_between_simdgroups(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                                            threadgroup float* bound [[threadgroup(0)]],
                                            uint group [[threadgroup_position_in_grid]],
                                            uint t [[thread_index_in_threadgroup]]) {
  bound[t] = in[t];
  simdgroup_barrier(mem_flags::mem_threadgroup);
  out[group * 64u + t] = bound[63u - t];  // race: simd_barrier_between_simdgroups
}

kernel void between_groups(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                           threadgroup float* bound [[threadgroup(0)]], uint t [[thread_index_in_threadgroup]]) {
  bound[t] = in[t];
  out[t] = bound[t];  // race: between_groups
}

kernel void between_groups_around_a_barrier(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                                            threadgroup float* bound [[threadgroup(0)]],
                                            uint group [[threadgroup_position_in_grid]],
                                            uint t [[thread_index_in_threadgroup]]) {
  bound[t] = 0.0f;
  if (group == 0u) out[t] = in[t];
  threadgroup_barrier(mem_flags::mem_device);
  if (group == 1u) bound[t] = out[63u - t];  // race: between_groups_around_a_barrier
}

kernel void no_device_flag(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                           threadgroup float* bound [[threadgroup(0)]], uint group [[threadgroup_position_in_grid]],
                           uint t [[thread_index_in_threadgroup]]) {
  out[group * 64u + t] = in[t];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  bound[t] = out[group * 64u + 63u - t];  // race: no_device_flag
}

kernel void no_threadgroup_flag(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                                threadgroup float* bound [[threadgroup(0)]],
                                uint group [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
  bound[t] = in[t];
  threadgroup_barrier(mem_flags::mem_device);
  out[group * 64u + t] = bound[63u - t];  // race: no_threadgroup_flag
}

kernel void beyond_buffer(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                          threadgroup float* bound [[threadgroup(0)]], uint t [[thread_index_in_threadgroup]]) {
  bound[t] = 0.0f;
  out[t] = in[t + 1u];  // overflow: beyond_buffer
}

kernel void beyond_bound(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                         threadgroup float* bound [[threadgroup(0)]], uint t [[thread_index_in_threadgroup]]) {
  out[t] = in[t];
  bound[t + 1u] = 0.0f;  // overflow: beyond_bound
}

kernel void beyond_array(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                         threadgroup float* bound [[threadgroup(0)]], uint t [[thread_index_in_threadgroup]]) {
  threadgroup float own[63];
  bound[t] = 0.0f;
  out[t] = in[t];
  own[t] = 0.0f;  // overflow: beyond_array
}

kernel void beyond_matrix(device const float* in [[buffer(0)]], device float* out [[buffer(1)]],
                          threadgroup float* bound [[threadgroup(0)]], uint t [[thread_index_in_threadgroup]]) {
  bound[t] = 0.0f;
  simdgroup_float8x8 m;
  simdgroup_load(m, in, 9);  // overflow: beyond_matrix
  simdgroup_store(m, out, 8);
}
