// Sums 32 numbers with what only family Apple7 has.
#include <metal_stdlib>
using namespace metal;

inline float sum_of_all(float value) { return simd_sum(value); }

kernel void total(device const float* values [[buffer(0)]],
                  device float* result [[buffer(1)]],
                  uint lane [[thread_index_in_threadgroup]]) {
  const float sum = sum_of_all(values[lane]);
  if (lane == 0) {
    result[0] = sum;
  }
}
