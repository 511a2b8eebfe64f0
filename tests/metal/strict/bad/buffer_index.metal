// Rejected: Metal binds buffers 0 to 30.
// Finds: the index of a buffer is at most 30
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(31)]], uint i [[thread_position_in_grid]]) { x[i] = 1.0f; }
