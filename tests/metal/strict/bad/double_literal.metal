// Rejected: 0.5 is a double.
// Finds: literal of type double
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const float half_of_it = 0.5;
  x[i] *= half_of_it;
}
