// Rejected: max of an unsigned and a signed number is ambiguous.
// Finds: call to 'max' is ambiguous
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = float(max(i, 3));
}
