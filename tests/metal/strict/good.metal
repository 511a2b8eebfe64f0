// Everything that our shaders may use, in the style that they use it: the control of the bad ones beside it.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
#include <metal_atomic>
using namespace metal;

struct Moments {
  float mean;
  float variance;
};

constant bool WEIGHTED [[function_constant(0)]];
constant constexpr uint TILE = 8;
constant float COEFFICIENTS[3] = {1.0f, 0.5f, 0x1.0p-3f};

inline void add(thread float& total, thread float& error, float term) {
  const float y = term - error, t = total + y;
  error = (t - total) - y;
  total = t;
}

inline float group_sum(float value, threadgroup float* shared, uint lane, uint simdgroup, uint simdgroups) {
  value = simd_sum(value);
  if (lane == 0) shared[simdgroup] = value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const float total = simd_sum(lane < simdgroups ? shared[lane] : 0.0f);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return total;
}

template <typename T, uint Width>
kernel void moments(device const T* x [[buffer(0)]], device Moments* result [[buffer(1)]],
                    constant uint& count [[buffer(2)]], threadgroup float* shared [[threadgroup(0)]],
                    uint thread_index [[thread_index_in_threadgroup]], uint group [[threadgroup_position_in_grid]],
                    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                    uint simdgroups [[simdgroups_per_threadgroup]]) {
  float total = 0.0f, error = 0.0f;
  for (uint k = thread_index; k < count; k += Width) {
    add(total, error, WEIGHTED ? fma(float(x[k]), COEFFICIENTS[k % 3u], 0.0f) : float(x[k]));
  }
  const Moments before = result[group];
  const float mean = before.mean + group_sum(total, shared, lane, simdgroup, simdgroups) / float(count);
  if (thread_index == 0) {  // a struct is written field by field
    result[group].mean = mean;
    result[group].variance = precise::sqrt(max(mean, 0.0f));
  }
}
template [[host_name("moments_float")]] kernel void moments<float, 64>(device const float*, device Moments*, constant uint&,
                                                                       threadgroup float*, uint, uint, uint, uint, uint);

kernel void product(device const float* a [[buffer(0)]], device float* c [[buffer(1)]],
                    device atomic_uint* done [[buffer(2)]], uint2 group [[threadgroup_position_in_grid]],
                    ushort lane [[thread_index_in_simdgroup]]) {
  threadgroup float tile[TILE * TILE];
  threadgroup atomic_uint counts[2][4];
  if (lane < 4) atomic_store_explicit(&counts[1][lane], 0u, memory_order_relaxed);
  for (uint k = lane; k < TILE * TILE; k += 32) tile[k] = a[k];
  threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
  simdgroup_float8x8 left, right, sum = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  simdgroup_load(left, tile, TILE, ulong2(0, 0), true);
  simdgroup_load(right, a + group.x, TILE);
  simdgroup_multiply_accumulate(sum, left, right, sum);
  simdgroup_store(sum, c, TILE);
  const uint4 bits = uint4(mulhi(group.x, 3u), group.y, as_type<uint>(1.0f), clz(group.x));
  const float2 pair = float2(float(bits.x), float(bits.y)) * 2.0f;
  if (simd_any(pair.x > 1.0f) && lane == 0) atomic_fetch_add_explicit(done, bits.z, memory_order_relaxed);
}
