// Rejected: no static variables.
// Finds: keyword that shaders may not use: static
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  static constant float factor = 2.0f;
  x[i] *= factor;
}
