// Rejected: two arguments at one index.
// Finds: twice the same attribute
#include <metal_stdlib>
using namespace metal;

kernel void copy(device float* x [[buffer(0)]], device const float* y [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = y[i];
}
