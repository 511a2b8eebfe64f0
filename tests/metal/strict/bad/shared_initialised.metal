// Rejected: threadgroup memory has no initialiser.
// Finds: threadgroup memory cannot be initialised
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  threadgroup float shared[2] = {1.0f, 2.0f};
  x[i] = shared[i % 2u];
}
