// Rejected: a conversion that loses digits must be written.
// Finds: implicit conversion turns floating-point number into integer
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const uint rounded = x[i];
  x[i] = float(rounded);
}
