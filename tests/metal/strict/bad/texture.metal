// Rejected: no textures.
// Finds: no textures
#include <metal_stdlib>
using namespace metal;

typedef float texture2d;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const texture2d t = 1.0f;
  x[i] = t;
}
