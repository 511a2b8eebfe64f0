// Rejected: an integer becomes a float only where it is written.
// Finds: implicit conversion from 'uint'
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = i;
}
