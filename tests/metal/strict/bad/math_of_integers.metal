// Rejected: mathematical functions take floats: with an integer the overload is ambiguous.
// Finds: call to 'sqrt' is ambiguous
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = sqrt(i);
}
