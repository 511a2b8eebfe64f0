// Rejected: no lambdas.
// Finds: lambda
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const auto twice = [](float a) { return 2.0f * a; };
  x[i] = twice(x[i]);
}
