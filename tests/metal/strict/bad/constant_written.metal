// Rejected: constant memory is read-only.
// Finds: cannot assign to variable 'factor'
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], constant float& factor [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  factor = 2.0f;
  x[i] *= factor;
}
