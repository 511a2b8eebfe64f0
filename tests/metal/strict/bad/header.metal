// Rejected: no headers of the C++ library.
// Finds: metal_tensor
#include <metal_stdlib>
#include <metal_tensor>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = 1.0f;
}
