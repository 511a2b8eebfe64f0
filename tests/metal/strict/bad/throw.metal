// Rejected: no exceptions.
// Finds: throw
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  if (i > 3u) throw 1;
  x[i] = 1.0f;
}
