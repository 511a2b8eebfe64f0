// Rejected: threadgroup arrays are declared in kernels only.
// Finds: threadgroup memory is declared in kernels only
#include <metal_stdlib>
using namespace metal;

inline float first(uint i) {
  threadgroup float shared[32];
  return shared[i];
}

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = first(i);
}
