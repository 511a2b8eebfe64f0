// Rejected: every argument of a kernel has one attribute.
// Finds: one attribute an argument
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i) { x[i] = 1.0f; }
