// Rejected: positions of one kernel have one number of components.
// Finds: positions of different widths
#include <metal_stdlib>
using namespace metal;

kernel void scale(device float* x [[buffer(0)]], uint2 i [[thread_position_in_grid]],
                  uint3 g [[threadgroup_position_in_grid]]) {
  x[i.x] = float(g.x);
}
