// Rejected: three-component vectors in a buffer take the room of four.
// Finds: three-component vectors take the room of four
#include <metal_stdlib>
using namespace metal;

kernel void copy(device float3* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = float3(1.0f, 2.0f, 3.0f); }
