// Rejected: names with two underscores belong to the compiler.
// Finds: name reserved for the compiler
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const float __two = 2.0f;
  x[i] = __two;
}
