// Rejected: no virtual functions.
// Finds: virtual
#include <metal_stdlib>
using namespace metal;

struct Shape {
  virtual float area() const { return 1.0f; }
};

kernel void scale(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  Shape s;
  x[i] = s.area();
}
