// Rejected: a threadgroup pointer passed where a device pointer is wanted.
// Finds: no matching function for call to 'first'
#include <metal_stdlib>
using namespace metal;

inline float first(device const float* p) { return p[0]; }

kernel void scale(device float* x [[buffer(0)]], threadgroup float* shared [[threadgroup(0)]],
                  uint i [[thread_position_in_grid]]) {
  x[i] = first(shared);
}
