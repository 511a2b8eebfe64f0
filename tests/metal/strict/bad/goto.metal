// Rejected: no goto.
// Finds: keyword that shaders may not use: goto
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  if (i > 3) goto done;
  x[i] = 1.0f;
  done:;
}
