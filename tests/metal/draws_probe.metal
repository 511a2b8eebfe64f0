// The random numbers of normals.h one by one, for the tests: no kernel of the library shows them all.
#include <metal_stdlib>
#include "normals.h"
using namespace metal;

kernel void probe_philox(device const uint4* counters [[buffer(0)]], device const uint2* keys [[buffer(1)]],
                         device uint4* out [[buffer(2)]], constant uint& count [[buffer(3)]],
                         uint k [[thread_position_in_grid]]) {
  if (k < count) out[k] = philox(counters[k], keys[k]);
}

// Radius and angle as Philox gives them.
kernel void probe_box_muller(device const uint2* bits [[buffer(0)]], device float2* out [[buffer(1)]],
                             constant uint& count [[buffer(2)]], uint k [[thread_position_in_grid]]) {
  if (k < count) out[k] = box_muller(bits[k].x, bits[k].y);
}

kernel void probe_draws(device const uint4* counters [[buffer(0)]], device const uint2* keys [[buffer(1)]],
                        device float4* normals [[buffer(2)]], device float* chi [[buffer(3)]],
                        constant uint2& size [[buffer(4)]], uint k [[thread_position_in_grid]]) {
  if (k < size.x) {
    normals[k] = normals_of(counters[k], counters[k].w, keys[k]);
    chi[k] = chi_squared(counters[k], size.y, keys[k]);
  }
}

kernel void probe_exp_less_one(device const float* x [[buffer(0)]], device float* out [[buffer(1)]],
                               constant uint& count [[buffer(2)]], uint k [[thread_position_in_grid]]) {
  if (k < count) out[k] = exp_less_one(x[k]);
}
