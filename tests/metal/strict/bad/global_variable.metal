// Rejected: a variable outside functions must be constant.
// Finds: variable outside a function that is not constant
#include <metal_stdlib>
using namespace metal;

float total = 0.0f;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = total;
}
