// Rejected: a barrier that does not say which memory it orders.
// Finds: no matching function for call to 'threadgroup_barrier'
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  threadgroup_barrier();
  x[i] = 1.0f;
}
