// Rejected: a buffer that is neither device nor constant.
// Finds: buffer in constant or device memory
#include <metal_stdlib>
using namespace metal;

kernel void scale(thread float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = 1.0f; }
