// Every function of one thread that the emulator offers: a row of results a function, a column an argument.
#include <metal_stdlib>
using namespace metal;

static_assert(sizeof(float2) == 8 && alignof(float2) == 8, "as in Metal");
static_assert(sizeof(float3) == 16 && alignof(float3) == 16, "as in Metal");
static_assert(sizeof(float4) == 16 && alignof(float4) == 16, "as in Metal");
static_assert(sizeof(uint2) == 8 && sizeof(uint3) == 16 && sizeof(uint4) == 16 && sizeof(ulong2) == 16, "as in Metal");
static_assert(sizeof(int2) == 8 && sizeof(ushort4) == 8 && sizeof(atomic_uint) == 4, "as in Metal");
static_assert(sizeof(uchar) == 1 && sizeof(ushort) == 2 && sizeof(uint32_t) == 4 && sizeof(ulong) == 8, "as in Metal");

kernel void transcendentals(device const float* values [[buffer(0)]], device float* rows [[buffer(1)]],
                            uint i [[thread_position_in_grid]], uint count [[threads_per_grid]]) {
  const float x = values[i];
  rows[0u * count + i] = precise::exp(x);
  rows[1u * count + i] = precise::log(x);
  rows[2u * count + i] = precise::sin(x);
  rows[3u * count + i] = precise::cos(x);
  rows[4u * count + i] = precise::rsqrt(x);
}

kernel void exact_floats(device const float* values [[buffer(0)]], device float* rows [[buffer(1)]],
                         uint i [[thread_position_in_grid]], uint n [[threads_per_grid]]) {
  const float x = values[i], y = values[(i + 1u) % n], z = values[(i + 2u) % n];
  rows[0u * n + i] = precise::sqrt(x);
  rows[1u * n + i] = sqrt(x);
  rows[2u * n + i] = fma(x, y, z);
  rows[3u * n + i] = fabs(x);
  rows[4u * n + i] = abs(x);
  rows[5u * n + i] = floor(x);
  rows[6u * n + i] = ceil(x);
  rows[7u * n + i] = trunc(x);
  rows[8u * n + i] = rint(x);
  rows[9u * n + i] = copysign(x, y);
  rows[10u * n + i] = fmin(x, y);
  rows[11u * n + i] = fmax(x, y);
  rows[12u * n + i] = min(x, y);
  rows[13u * n + i] = max(x, y);
  rows[14u * n + i] = clamp(x, -1.0f, 1.0f);
  rows[15u * n + i] = select(x, y, x < y);
  rows[16u * n + i] = isnan(x) ? 1.0f : 0.0f;
  rows[17u * n + i] = isinf(x) ? 1.0f : 0.0f;
  rows[18u * n + i] = isfinite(x) ? 1.0f : 0.0f;
  rows[19u * n + i] = signbit(x) ? 1.0f : 0.0f;
  rows[20u * n + i] = dot(float4(x, y, z, 1.0f), float4(1.0f, 2.0f, 3.0f, 4.0f));
  rows[21u * n + i] = dot(float2(x, y), float2(3.0f, -1.0f));
  rows[22u * n + i] = fma(float2(x, y), float2(y, z), float2(z, x)).y;
}

kernel void integers(device const uint* values [[buffer(0)]], device uint* rows [[buffer(1)]],
                     uint i [[thread_position_in_grid]], uint n [[threads_per_grid]]) {
  const uint x = values[i], y = values[(i + 1u) % n];
  const int s = int(x), r = int(y);
  rows[0u * n + i] = mulhi(x, y);
  rows[1u * n + i] = popcount(x);
  rows[2u * n + i] = clz(x);
  rows[3u * n + i] = ctz(x);
  rows[4u * n + i] = min(x, y);
  rows[5u * n + i] = max(x, y);
  rows[6u * n + i] = clamp(x, 10u, 1000u);
  rows[7u * n + i] = select(x, y, x < y);
  rows[8u * n + i] = uint(min(s, r));
  rows[9u * n + i] = uint(max(s, r));
  rows[10u * n + i] = uint(clamp(s, -10, 10));
  rows[11u * n + i] = uint(select(s, r, s < r));
  rows[12u * n + i] = uint(abs(s / 2));
  rows[13u * n + i] = as_type<uint>(as_type<float>(x & 0x7F7FFFFFu));
  rows[14u * n + i] = as_type<uint2>(as_type<ulong>(uint2(x, y))).y;
}

kernel void vectors(device const float4* values [[buffer(0)]], device float4* rows [[buffer(1)]],
                    device uint4* words [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  const float4 a = values[0], b = values[1];
  float4 c = a;
  c += b;
  c *= 2.0f;
  c -= a;
  c /= b;
  rows[0] = a + b;
  rows[1] = a - b;
  rows[2] = a * b;
  rows[3] = a / b;
  rows[4] = -a;
  rows[5] = 2.0f * a + 1.0f;
  rows[6] = c;
  rows[7] = float4(a[3], a.z, a.y, a.x);
  uint4 w = uint4(1u, 2u, 3u, 4u);
  words[0] = w ^ uint4(7u);
  words[1] = w & 6u;
  words[2] = w | uint4(8u, 8u, 8u, i + 8u);
  w ^= 5u;
  words[3] = w;
}

kernel void atomics(device atomic_uint* shared [[buffer(0)]], device uint& plain [[buffer(1)]],
                    uint t [[thread_index_in_threadgroup]]) {
  threadgroup atomic_uint own[2];
  if (t < 2u) atomic_store_explicit(&own[t], 0u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  atomic_fetch_add_explicit(&own[t % 2u], t, memory_order_relaxed);
  atomic_fetch_add_explicit(&shared[0], 1u, memory_order_relaxed);
  atomic_fetch_sub_explicit(&shared[1], 1u, memory_order_relaxed);
  atomic_fetch_or_explicit(&shared[2], 1u << (t % 32u), memory_order_relaxed);
  atomic_fetch_max_explicit(&shared[3], t, memory_order_relaxed);
  atomic_fetch_min_explicit(&shared[4], t, memory_order_relaxed);
  uint seen = atomic_load_explicit(&shared[5], memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&shared[5], &seen, seen + 2u, memory_order_relaxed,
                                                memory_order_relaxed)) {
  }
  if (t == 3u) plain = atomic_exchange_explicit(&shared[6], 77u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t < 2u) atomic_store_explicit(&shared[7u + t], atomic_load_explicit(&own[t], memory_order_relaxed), memory_order_relaxed);
}

kernel void denormals(device const float* values [[buffer(0)]], device float* products [[buffer(1)]],
                      uint i [[thread_position_in_grid]]) {
  products[i] = values[i] * 0.5f;
}
