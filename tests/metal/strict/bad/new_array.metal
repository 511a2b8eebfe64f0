// Rejected: no memory from a heap.
// Finds: keyword that shaders may not use: new
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  thread float* p = new float[4];
  x[i] = p[0];
}
