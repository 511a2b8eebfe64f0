// Rejected: the length of an array is known when it is compiled.
// Finds: variable length array
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  float own[i];
  own[0] = 1.0f;
  x[i] = own[0];
}
