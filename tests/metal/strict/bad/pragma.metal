// Rejected: a pragma that only some compilers know.
// Finds: pragma that not every compiler
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  #pragma GCC ivdep
  for (uint j = 0; j < 4; ++j) x[i] += 1.0f;
}
