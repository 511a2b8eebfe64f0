// The inner loops of the active set, plain and contiguous; active_set_simd.cpp compiles them for each instruction
// level.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio::active {

struct Loops {
  // y += sum over f of c[f] * row, rows of `base` at index[f] (or f without an index).
  void (*accumulate)(int length, int count, const double* base, std::size_t stride, const int* index, const double* c,
                     double* y);
  double (*dot)(int n, const double* a, const double* b);
  // out[i] += row i of `base` times v.
  void (*dots)(int count, int n, const double* base, std::size_t stride, const double* v, double* out);
  // M += a w w'.
  void (*add_outer)(int n, double a, const double* w, double* M, std::size_t stride);
  // M += aa u u' + ab (u v' + v u') + bb v v'.
  void (*add_outers)(int n, double aa, double ab, double bb, const double* u, const double* v, double* M,
                     std::size_t stride);
};

// Those of this processor.
const Loops& loops();

// For a handful of entries, where a call costs more than the sum.
inline double short_dot(int n, const double* a, const double* b) {
  double sum = 0.0;
  for (int i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

inline void axpy(int n, double a, const double* __restrict x, double* __restrict y) {
  for (int i = 0; i < n; ++i) y[i] += a * x[i];
}

}  // namespace portfolio::active

PORTFOLIO_SIMD_TABLE(active::Loops, active_set_loops)
