// Rejected: Metal has no double.
// Finds: keyword that shaders may not use: double
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  double d[1];
  x[i] = float(sizeof(d));
}
