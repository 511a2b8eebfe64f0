// Rejected: simdgroup matrices are 8x8.
// Finds: simdgroup matrices are 8x8
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  simdgroup_matrix<float, 4, 4> m;
  (void)m;
  x[i] = 1.0f;
}
