// Batched quadratic programs, a threadgroup each: min 1/2 x'Px + q'x, Ax = b, Gx <= h, lb <= x <= ub, by the alternating
// directions of OSQP (Stellato et al. 2020, algorithm 1) with the equality rows inside the linear system, where they
// need no penalty. The host polishes and certifies every answer in float64, so what counts here is the active set.
#include <metal_stdlib>
#include "params.h"
#include "threadgroup_reduce.h"
using namespace metal;

// Gauss-Jordan inverse of [P + rho (I + G'G), A'; A, 0] for problems with a matrix of their own. Every pivot is safe in
// this order: the first n belong to a positive definite block, the others to minus its Schur complement.
kernel void qp_inverse(device const float* matrices [[buffer(0)]], device float* inverses [[buffer(1)]],
                       device const QpEntry* entries [[buffer(2)]], device QpReport* reports [[buffer(3)]],
                       device const float* levels [[buffer(4)]], threadgroup float* pivots [[threadgroup(0)]],
                       uint problem [[threadgroup_position_in_grid]], uint t [[thread_index_in_threadgroup]],
                       uint threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                       uint sg [[simdgroup_index_in_threadgroup]], uint nsg [[simdgroups_per_threadgroup]]) {
  const QpEntry e = entries[problem];
  const QpReport report = reports[problem];
  const bool needed = e.shared == 0u && report.status == 0u && report.inverted != report.level + 1u;
  const uint n = e.n, order = needed ? e.n + e.p : 0u;  // nothing to do: no pivots, but every barrier
  const float rho = levels[report.level];
  device const float* P = matrices + e.matrices;
  device const float* A = P + n * n;
  device const float* G = A + e.p * n;
  device float* K = inverses + e.inverse;
  threadgroup float* row = pivots;
  threadgroup float* column = pivots + order;
  for (uint i = sg; i < order; i += nsg) {
    for (uint j = lane; j < order; j += 32u) {
      float value = 0.0f;
      if (i < n && j < n) {
        for (uint k = 0u; k < e.m; ++k) value = fma(G[k * n + i], G[k * n + j], value);
        value = fma(rho, value + (i == j ? 1.0f : 0.0f), P[i * n + j]);
      } else if (i < n) {
        value = A[(j - n) * n + i];
      } else if (j < n) {
        value = A[(i - n) * n + j];
      }
      K[i * order + j] = value;
    }
  }
  threadgroup_barrier(mem_flags::mem_device);
  for (uint k = 0u; k < order; ++k) {
    for (uint i = t; i < order; i += threads) {
      row[i] = K[k * order + i];
      column[i] = K[i * order + k];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    const float inverse = 1.0f / row[k];
    for (uint i = sg; i < order; i += nsg) {
      const float share = column[i] * inverse;
      for (uint j = lane; j < order; j += 32u) {
        float value = fma(-share, row[j], K[i * order + j]);
        if (i == k) value = row[j] * inverse;
        if (j == k) value = i == k ? inverse : -share;
        K[i * order + j] = value;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
  }
  if (t == 0u && needed) reports[problem].inverted = report.level + 1u;
}

// The penalty that balances both residuals, a few steps of the table away: one step is the square root of ten.
inline uint qp_next_level(uint level, uint levels, float primal, float dual) {
  const float ratio = primal / max(dual, 1e-30f);
  int shift = 0;
  for (float edge = 10.0f; edge < 1e4f; edge *= 10.0f) {
    shift += ratio > edge ? 1 : 0;
    shift -= ratio < 1.0f / edge ? 1 : 0;
  }
  return uint(clamp(int(level) + shift, 0, int(levels) - 1));
}

// `steps` iterations from the stored state, then the residuals of the point reached.
kernel void qp_admm(device const float* matrices [[buffer(0)]], device const float* inverses [[buffer(1)]],
                    device const float* vectors [[buffer(2)]], device float* states [[buffer(3)]],
                    device const QpEntry* entries [[buffer(4)]], device QpReport* reports [[buffer(5)]],
                    device const float* levels [[buffer(6)]], constant QpParams& params [[buffer(7)]],
                    threadgroup float* work [[threadgroup(0)]], uint problem [[threadgroup_position_in_grid]],
                    uint t [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]],
                    uint lane [[thread_index_in_simdgroup]], uint sg [[simdgroup_index_in_threadgroup]],
                    uint nsg [[simdgroups_per_threadgroup]]) {
  const QpEntry e = entries[problem];
  const QpReport report = reports[problem];
  const bool running = report.status == 0u;
  const uint n = e.n, m = e.m, order = e.n + e.p;
  const uint steps = running ? params.steps : 0u;
  const float rho = levels[report.level], relaxation = params.relaxation;
  device const float* P = matrices + e.matrices;
  device const float* A = P + n * n;
  device const float* G = A + e.p * n;
  device const float* K = inverses + e.inverse + (e.shared == 0u ? 0u : report.level * order * order);
  device const float* q = vectors + e.vectors;
  device const float* lb = q + n;
  device const float* ub = lb + n;
  device const float* b = ub + n;
  device const float* h = b + e.p;
  device float* state = states + e.state;  // x, z, y, zg, yg, nu
  threadgroup float* rhs = work;
  threadgroup float* solution = rhs + order;
  threadgroup float* z = solution + order;
  threadgroup float* y = z + n;
  threadgroup float* zg = y + n;
  threadgroup float* yg = zg + m;
  threadgroup float* scratch = yg + m;

  for (uint i = t; i < n; i += threads) {
    z[i] = state[n + i];
    y[i] = state[2u * n + i];
    solution[i] = state[i];
  }
  for (uint k = t; k < m; k += threads) {
    zg[k] = state[3u * n + k];
    yg[k] = state[3u * n + m + k];
  }
  for (uint k = t; k < e.p; k += threads) solution[n + k] = state[3u * n + 2u * m + k];
  threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);

  for (uint step = 0u; step < steps; ++step) {
    for (uint i = t; i < n; i += threads) {
      float value = fma(rho, z[i], -q[i] - y[i]);
      for (uint k = 0u; k < m; ++k) value = fma(G[k * n + i], fma(rho, zg[k], -yg[k]), value);
      rhs[i] = value;
    }
    for (uint k = t; k < e.p; k += threads) rhs[n + k] = b[k];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = t; i < order; i += threads) {
      float value = 0.0f;
      for (uint j = 0u; j < order; ++j) value = fma(K[j * order + i], rhs[j], value);
      solution[i] = value;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = sg; k < m; k += nsg) {
      float value = 0.0f;
      for (uint i = lane; i < n; i += 32u) value = fma(G[k * n + i], solution[i], value);
      value = simd_sum(value);
      if (lane == 0u) {
        const float aim = fma(relaxation, value - zg[k], zg[k]) + yg[k] / rho;
        zg[k] = min(aim, h[k]);
        yg[k] = rho * (aim - zg[k]);
      }
    }
    for (uint i = t; i < n; i += threads) {
      const float aim = fma(relaxation, solution[i] - z[i], z[i]) + y[i] / rho;
      z[i] = clamp(aim, lb[i], ub[i]);
      y[i] = rho * (aim - z[i]);  // exactly zero where no bound holds
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }

  float apart = 0.0f, primal_size = 0.0f, slope = 0.0f, dual_size = 0.0f;
  for (uint k = sg; k < m; k += nsg) {
    float value = 0.0f;
    for (uint i = lane; i < n; i += 32u) value = fma(G[k * n + i], solution[i], value);
    value = simd_sum(value);
    apart = max(apart, fabs(value - zg[k]));
    primal_size = max(primal_size, max(fabs(value), fabs(zg[k])));
  }
  for (uint i = t; i < n; i += threads) {
    float curvature = 0.0f, rows = 0.0f, equal = 0.0f;
    for (uint j = 0u; j < n; ++j) curvature = fma(P[j * n + i], solution[j], curvature);
    for (uint k = 0u; k < m; ++k) rows = fma(G[k * n + i], yg[k], rows);
    for (uint k = 0u; k < e.p; ++k) equal = fma(A[k * n + i], solution[n + k], equal);
    slope = max(slope, fabs(curvature + q[i] + rows + equal + y[i]));
    dual_size = max(dual_size, max(max(fabs(curvature), fabs(q[i])), max(fabs(rows), max(fabs(equal), fabs(y[i])))));
    apart = max(apart, fabs(solution[i] - z[i]));
    primal_size = max(primal_size, max(fabs(solution[i]), fabs(z[i])));
  }
  apart = threadgroup_max(apart, scratch, lane, sg, nsg);
  primal_size = threadgroup_max(primal_size, scratch, lane, sg, nsg);
  slope = threadgroup_max(slope, scratch, lane, sg, nsg);
  dual_size = threadgroup_max(dual_size, scratch, lane, sg, nsg);
  // Limits and curvatures are scaled to order one, so an answer of zero is measured by a share of that.
  const float primal = apart / max(primal_size, 1e-2f), dual = slope / max(dual_size, 1e-3f);

  if (running) {
    for (uint i = t; i < n; i += threads) {
      state[i] = solution[i];
      state[n + i] = z[i];
      state[2u * n + i] = y[i];
    }
    for (uint k = t; k < m; k += threads) {
      state[3u * n + k] = zg[k];
      state[3u * n + m + k] = yg[k];
    }
    for (uint k = t; k < e.p; k += threads) state[3u * n + 2u * m + k] = solution[n + k];
    if (t == 0u) {
      const bool solved = primal <= params.tolerance && dual <= params.tolerance;
      device QpReport& out = reports[problem];
      out.status = solved ? 1u : 0u;
      out.iterations = report.iterations + steps;
      out.level = solved ? report.level : qp_next_level(report.level, params.levels, primal, dual);
      out.primal = primal;
      out.dual = dual;
    }
  }
}
