// Rejected: a function that our list of allowed ones does not have.
// Finds: use of undeclared identifier 'tgamma'
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = tgamma(x[i]);
}
