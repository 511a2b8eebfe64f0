// Multiplies numbers in place: the least that shows whether the GPU worked.
#include <metal_stdlib>
using namespace metal;

#include "scale.h"

kernel void scale(device float* values [[buffer(0)]],
                  constant ScaleParams& params [[buffer(1)]],
                  uint position [[thread_position_in_grid]]) {
  if (position < params.count) {
    values[position] *= params.factor;
  }
}
