// Rejected: a position is uint or ushort.
// Finds: a position is uint or ushort
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], int i [[thread_position_in_grid]]) { x[i] = 1.0f; }
