// Batched risk budgeting, a threadgroup each: cyclical coordinate descent on 1/2 y'Cy - sum b_i log y_i for a correlation
// matrix C (Griveau-Billion, Richard and Roncalli 2013, section 2.2). The host finishes every answer in float64.
#include <metal_stdlib>
#include "params.h"
#include "threadgroup_reduce.h"
using namespace metal;

// How far the minimum along coordinate i lies from y_i: the positive root of y^2 + (g - y_i) y - b = 0, without
// cancellation.
inline float risk_parity_change(float y, float g, float b) {
  const float a = g - y;
  const float root = precise::sqrt(fma(a, a, 4.0f * b));
  return (a > 0.0f ? 2.0f * b / (a + root) : 0.5f * (root - a)) - y;
}

// Sweeps until the relative error of every contribution is within the tolerance. A thread owns every threads-th
// coordinate, so one barrier a coordinate is enough: its owner leaves the change in one of two slots by turns.
kernel void risk_parity_descent(device const float* matrices [[buffer(0)]], device const float* budgets [[buffer(1)]],
                                device float* states [[buffer(2)]], device const RiskParityEntry* entries [[buffer(3)]],
                                device RiskParityReport* reports [[buffer(4)]],
                                constant RiskParityParams& params [[buffer(5)]],
                                threadgroup float* work [[threadgroup(0)]],
                                uint problem [[threadgroup_position_in_grid]],
                                uint t [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]],
                                uint lane [[thread_index_in_simdgroup]], uint sg [[simdgroup_index_in_threadgroup]],
                                uint nsg [[simdgroups_per_threadgroup]]) {
  const RiskParityEntry e = entries[problem];
  const uint n = e.n;
  device const float* C = matrices + e.matrix;
  device const float* b = budgets + e.budgets;
  device float* state = states + e.state;
  threadgroup float* y = work;
  threadgroup float* g = y + n;
  threadgroup float* slots = g + n;
  threadgroup float* scratch = slots + 2;
  float error = reports[problem].error;  // of an earlier call; large at first
  uint passes = 0u;
  for (uint i = t; i < n; i += threads) y[i] = state[i];
  threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
  for (; passes <= params.sweeps && error > params.tolerance; ++passes) {
    // The exact minimum along the ray through y is where y'Cy = 1; g is computed anew so that rounding cannot build up.
    float variance = 0.0f;
    for (uint i = t; i < n; i += threads) {
      float value = 0.0f;
      for (uint j = 0u; j < n; ++j) value = fma(C[j * n + i], y[j], value);
      g[i] = value;
      variance = fma(y[i], value, variance);
    }
    variance = threadgroup_sum(variance, scratch, lane, sg, nsg);
    const float scale = variance > 0.0f ? precise::rsqrt(variance) : 1.0f;
    float worst = 0.0f;
    for (uint i = t; i < n; i += threads) {
      y[i] *= scale;
      g[i] *= scale;
      worst = max(worst, fabs(y[i] * g[i] / b[i] - 1.0f));
      if (i == 0u) slots[0] = risk_parity_change(y[i], g[i], b[i]);
    }
    error = threadgroup_max(worst, scratch, lane, sg, nsg);
    const uint coordinates = passes < params.sweeps && error > params.tolerance ? n : 0u;
    for (uint i = 0u; i < coordinates; ++i) {
      const float change = slots[i & 1u];
      for (uint j = t; j < n; j += threads) {
        g[j] = fma(change, C[i * n + j], g[j]);
        if (j == i) y[j] += change;
        if (j == i + 1u) slots[j & 1u] = risk_parity_change(y[j], g[j], b[j]);
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
  }
  for (uint i = t; i < n; i += threads) state[i] = y[i];
  if (t == 0u) {
    reports[problem].sweeps += passes == 0u ? 0u : passes - 1u;  // the last pass only measures
    reports[problem].error = error;
  }
}
