// Moments, histogram and chosen order statistics of a sample that is too long to be kept: the host takes it in chunks,
// counts each between edges, and gathers only the bins that hold an order statistic it needs.
#include <metal_stdlib>
#include "float_pair.h"
#include "params.h"
using namespace metal;

constant constexpr uint THREADS = 256u;      // at most, in a threadgroup; a power of two
constant constexpr uint GROUP = 16384u;      // values of a threadgroup
constant constexpr uint MOST_BINS = 2048u;

// (sum, squares) as pairs, with one more value.
inline float4 with_value(float4 sums, float2 value, float2 shift) {
  const float2 away = pair_add(value, -shift);
  const float2 sum = pair_add(float2(sums.x, sums.y), away);
  const float2 squares = pair_add(float2(sums.z, sums.w), pair_multiply(away, away));
  return float4(sum.x, sum.y, squares.x, squares.y);
}

// The threadgroup's sums, in shared[0], always added in the same order. `threads` is a power of two.
inline void add_up(float4 own, threadgroup float4* shared, uint t, uint threads) {
  shared[t] = own;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint distance = threads / 2u; distance > 0u; distance /= 2u) {
    if (t < distance) {
      const float4 a = shared[t], b = shared[t + distance];
      const float2 sum = pair_add(float2(a.x, a.y), float2(b.x, b.y));
      const float2 squares = pair_add(float2(a.z, a.w), float2(b.z, b.w));
      shared[t] = float4(sum.x, sum.y, squares.x, squares.y);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// How many edges (ascending) are not above the value.
inline uint bin_of(const threadgroup float* edges, uint count, float value) {
  uint low = 0u, high = count;
  while (low < high) {
    const uint middle = (low + high) / 2u;
    if (edges[middle] <= value) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  return low;
}

// Sums of the values less the shift, and of their squares, one for each threadgroup.
kernel void sample_moments(device const float2* values [[buffer(0)]], device float4* sums [[buffer(1)]],
                           constant SampleParams& p [[buffer(2)]], uint group [[threadgroup_position_in_grid]],
                           uint t [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]]) {
  threadgroup float4 shared[THREADS];
  const uint last = min(group * GROUP + GROUP, p.count);
  float4 own = float4(0.0f, 0.0f, 0.0f, 0.0f);
  for (uint k = group * GROUP + t; k < last; k += threads) own = with_value(own, values[k], float2(p.shift, p.shift_low));
  add_up(own, shared, t, threads);
  if (t == 0u) sums[group] = shared[0];
}

// Adds to counts[b] the number of values with b edges not above them.
kernel void sample_histogram(device const float2* values [[buffer(0)]], device const float* edges [[buffer(1)]],
                             device atomic_uint* counts [[buffer(2)]], constant SampleParams& p [[buffer(3)]],
                             uint group [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]],
                             uint threads [[threads_per_threadgroup]]) {
  threadgroup float near[MOST_BINS];
  threadgroup atomic_uint own[MOST_BINS];
  for (uint b = t; b < p.edges; b += threads) near[b] = edges[b];
  for (uint b = t; b <= p.edges; b += threads) atomic_store_explicit(&own[b], 0u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint last = min(group * GROUP + GROUP, p.count);
  for (uint k = group * GROUP + t; k < last; k += threads) {
    atomic_fetch_add_explicit(&own[bin_of(near, p.edges, values[k].x)], 1u, memory_order_relaxed);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint b = t; b <= p.edges; b += threads) {
    const uint count = atomic_load_explicit(&own[b], memory_order_relaxed);
    if (count > 0u) atomic_fetch_add_explicit(&counts[b], count, memory_order_relaxed);
  }
}

// Gathers the values of wanted bins, in any order, at most `capacity`; and the sums over the bins below `tail_bin`.
kernel void sample_gather(device const float2* values [[buffer(0)]], device const float* edges [[buffer(1)]],
                          device const uint* wanted [[buffer(2)]], device atomic_uint* found [[buffer(3)]],
                          device float2* gathered [[buffer(4)]], device float4* sums [[buffer(5)]],
                          constant SampleParams& p [[buffer(6)]], uint group [[threadgroup_position_in_grid]],
                          uint t [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]]) {
  threadgroup float near[MOST_BINS];
  threadgroup float4 shared[THREADS];
  for (uint b = t; b < p.edges; b += threads) near[b] = edges[b];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint last = min(group * GROUP + GROUP, p.count);
  float4 own = float4(0.0f, 0.0f, 0.0f, 0.0f);
  for (uint k = group * GROUP + t; k < last; k += threads) {
    const float2 value = values[k];
    const uint bin = bin_of(near, p.edges, value.x);
    if (bin < p.tail_bin) own = with_value(own, value, float2(p.shift, p.shift_low));
    if (wanted[bin] > 0u) {
      const uint place = atomic_fetch_add_explicit(found, 1u, memory_order_relaxed);
      if (place < p.capacity) gathered[place] = value;
    }
  }
  add_up(own, shared, t, threads);
  if (t == 0u) sums[group] = shared[0];
}
