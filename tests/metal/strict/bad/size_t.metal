// Rejected: size_t is not the same on host and GPU.
// Finds: type whose width
#include <metal_stdlib>
using namespace metal;

typedef unsigned long size_t;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const size_t j = i;
  x[j] = 1.0f;
}
