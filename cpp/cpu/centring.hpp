// The two passes over a table of returns before its cross product: for the means, and to centre a strip of rows.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio {

// T x n rows, contiguous. `pivot`, `shift`: n each; `weights` and `roots`: one a row, or null for ones.
template <class T>
struct CentringPasses {
  // shift += sum of weights[t] (row t - pivot).
  void (*add_shifts)(const T* x, std::size_t rows, std::size_t n, const double* pivot, const double* weights,
                     double* shift);
  // out = roots[t] (row t - pivot - shift), rows of it `stride` apart.
  void (*centre)(const T* x, std::size_t rows, std::size_t n, const double* pivot, const double* shift,
                 const double* roots, std::size_t stride, double* out);
};

struct CentringKernels {
  CentringPasses<double> doubles;
  CentringPasses<float> floats;
  // The sum of ||row||^4.
  double (*fourth)(const double* x, std::size_t rows, std::size_t n, std::size_t stride);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(CentringKernels, centring_kernels)
