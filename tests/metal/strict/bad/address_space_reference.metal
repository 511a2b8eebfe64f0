// Rejected: a reference without an address space.
// Finds: pointer or reference without an address space
#include <metal_stdlib>
using namespace metal;

inline void add(float& total, float term) { total += term; }

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  float total = 0.0f;
  add(total, 1.0f);
  x[i] = total;
}
