// Rejected: a pointer without an address space: Metal has no default one.
// Finds: pointer or reference without an address space
#include <metal_stdlib>
using namespace metal;

inline float first(float* p) { return p[0]; }

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  float own[2] = {1.0f, 2.0f};
  x[i] = first(own);
}
