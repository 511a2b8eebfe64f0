// Rejected: no output from a kernel.
// Finds: neither assert nor output
#include <metal_stdlib>
using namespace metal;

inline void printf(uint i) { (void)i; }

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  printf(i);
  x[i] = 1.0f;
}
