// Loops over rows and columns that fit in cache, once for each instruction level. Sums are kept in 16 lanes, so that
// every level gives the same bits.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio {

struct VectorKernels {
  double (*dot)(std::size_t count, const double* a, const double* b);
  // out += factor * values
  void (*add)(std::size_t count, double factor, const double* values, double* out);
  // out += sum of factors[l] * values[l], l < 4: one pass over `out`
  void (*add4)(std::size_t count, const double* factors, const double* const* values, double* out);
  // out = M v, M (rows x cols) with rows contiguous
  void (*multiply)(std::size_t rows, std::size_t cols, const double* M, const double* v, double* out);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(VectorKernels, vector_kernels)

namespace portfolio {

inline const VectorKernels& vectors() {
  static const VectorKernels& chosen = PORTFOLIO_SIMD_CHOOSE(vector_kernels);
  return chosen;
}

}  // namespace portfolio
