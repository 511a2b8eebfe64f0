// Rejected: no C++ library.
// Finds: std:: does not exist
#include <metal_stdlib>
using namespace metal;

namespace std {
inline float twice(float a) { return 2.0f * a; }
}  // namespace std

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = std::twice(x[i]);
}
