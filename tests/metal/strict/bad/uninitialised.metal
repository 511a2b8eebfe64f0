// Rejected: an accumulator that starts from anything.
// Finds: uninitialized when used here
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  float total;
  total += x[i];
  x[i] = total;
}
