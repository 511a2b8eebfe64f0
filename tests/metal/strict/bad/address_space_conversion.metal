// Rejected: a device pointer set to threadgroup memory.
// Finds: cannot initialize a variable of type
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], threadgroup float* shared [[threadgroup(0)]],
                  uint i [[thread_position_in_grid]]) {
  device float* p = shared;
  x[i] = p[i];
}
