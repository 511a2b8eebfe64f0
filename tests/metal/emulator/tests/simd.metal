// Every simdgroup operation and builtin that the emulator offers: a row of results an operation, a column a thread.
#include <metal_stdlib>
using namespace metal;

kernel void simd_floats(device const float* values [[buffer(0)]], device float* rows [[buffer(1)]],
                        uint t [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
  const float x = values[t];
  rows[0 * 64 + t] = simd_sum(x);
  rows[1 * 64 + t] = simd_max(x);
  rows[2 * 64 + t] = simd_min(x);
  rows[3 * 64 + t] = simd_broadcast(x, 5);
  rows[4 * 64 + t] = simd_shuffle(x, ushort((lane * 7u + 3u) % 32u));
  rows[5 * 64 + t] = simd_shuffle_xor(x, 9);
  rows[6 * 64 + t] = simd_shuffle_down(x, 3);
  rows[7 * 64 + t] = simd_shuffle_up(x, 4);
  rows[8 * 64 + t] = simd_prefix_exclusive_sum(x);
  rows[9 * 64 + t] = simd_prefix_inclusive_sum(x);
  rows[10 * 64 + t] = simd_sum(float2(x, 1.0f)).x;
  rows[11 * 64 + t] = simd_shuffle_xor(float4(0.0f, 0.0f, 0.0f, x), 31).w;
}

kernel void simd_integers(device const uint* values [[buffer(0)]], device uint* rows [[buffer(1)]],
                          uint t [[thread_index_in_threadgroup]]) {
  const uint x = values[t];
  rows[0 * 64 + t] = simd_sum(x);
  rows[1 * 64 + t] = simd_max(x);
  rows[2 * 64 + t] = simd_min(x);
  rows[3 * 64 + t] = uint(simd_sum(-int(x)));
  rows[4 * 64 + t] = uint(simd_max(-int(x)));
  rows[5 * 64 + t] = uint(simd_min(-int(x)));
  rows[6 * 64 + t] = simd_any(x == values[7]) ? 1u : 0u;
  rows[7 * 64 + t] = simd_all(x != values[7]) ? 1u : 0u;
  rows[8 * 64 + t] = simd_any(x > 1000u) ? 1u : 0u;
  rows[9 * 64 + t] = simd_all(x < 1000u) ? 1u : 0u;
}

kernel void simd_beyond(device float* out [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
  out[t] = simd_shuffle(1.0f, ushort(t + 1u));
}

kernel void positions3(device uint* out [[buffer(0)]], uint3 grid [[thread_position_in_grid]],
                       uint3 inner [[thread_position_in_threadgroup]], uint3 group [[threadgroup_position_in_grid]],
                       uint3 all [[threads_per_grid]], uint3 threads [[threads_per_threadgroup]],
                       uint3 groups [[threadgroups_per_grid]], uint t [[thread_index_in_threadgroup]],
                       uint lane [[thread_index_in_simdgroup]], uint sg [[simdgroup_index_in_threadgroup]],
                       uint nsg [[simdgroups_per_threadgroup]], uint width [[threads_per_simdgroup]]) {
  const uint place = (grid.z * all.y + grid.y) * all.x + grid.x;
  device uint* row = out + place * 23u;
  for (uint i = 0u; i < 3u; ++i) {
    row[i] = grid[i];
    row[3u + i] = inner[i];
    row[6u + i] = group[i];
    row[9u + i] = all[i];
    row[12u + i] = threads[i];
    row[15u + i] = groups[i];
  }
  row[18] = t;
  row[19] = lane;
  row[20] = sg;
  row[21] = nsg;
  row[22] = width;
}

kernel void positions2(device uint* out [[buffer(0)]], uint2 grid [[thread_position_in_grid]],
                       uint2 all [[threads_per_grid]]) {
  out[grid.y * all.x + grid.x] = 100u * grid.y + grid.x;
}

kernel void position1(device uint* out [[buffer(0)]], uint place [[thread_position_in_grid]]) { out[place] = place; }
