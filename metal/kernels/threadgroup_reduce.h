// Reductions over a whole threadgroup of full simdgroups; every thread gets the result.
#pragma once
#include <metal_stdlib>

// `scratch` has room for one float a simdgroup (at most 32) and may be used again at once.
inline float threadgroup_max(float value, threadgroup float* scratch, uint lane, uint sg, uint nsg) {
  const float own = metal::simd_max(value);
  if (lane == 0u) scratch[sg] = own;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const float all = metal::simd_max(scratch[lane < nsg ? lane : 0u]);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  return all;
}

inline float threadgroup_sum(float value, threadgroup float* scratch, uint lane, uint sg, uint nsg) {
  const float own = metal::simd_sum(value);
  if (lane == 0u) scratch[sg] = own;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const float all = metal::simd_sum(lane < nsg ? scratch[lane] : 0.0f);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  return all;
}
