// Rejected: no pointers to functions.
// Finds: pointer to a function
#include <metal_stdlib>
using namespace metal;

inline float twice(float a) { return 2.0f * a; }

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  float (*f)(float) = twice;
  x[i] = f(x[i]);
}
