// Rejected: a kernel returns nothing.
// Finds: a kernel returns void
#include <metal_stdlib>
using namespace metal;

kernel float scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { return x[i]; }
