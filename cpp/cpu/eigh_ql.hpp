// Eigenvectors of a small symmetric matrix: faster than LAPACK up to the order of eigen_columns' size rule.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio {

struct QlKernels {
  // `a` holds a symmetric matrix of largest entry 1 or so, columns `stride` apart: a multiple of 4, zero beyond n.
  // Column k of `vectors` (n x n, the same stride) becomes the eigenvector of values[k], in no order. `a` and `scratch`
  // (4 x stride) are used up. False when the iteration does not converge.
  bool (*solve)(std::size_t n, std::size_t stride, double* a, double* vectors, double* values, double* scratch);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(QlKernels, ql_kernels)
