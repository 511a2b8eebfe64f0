// Rejected: no recursion: a GPU thread has no stack for it.
// Finds: recursion: 
#include <metal_stdlib>
using namespace metal;

inline uint fibonacci(uint n) { return n < 2u ? n : fibonacci(n - 1u) + fibonacci(n - 2u); }

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = float(fibonacci(i));
}
