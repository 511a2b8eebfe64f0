// The cross product of few columns in our own loops: a BLAS takes longer to begin than these take to end.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio {

struct CrossProductKernels {
  std::size_t multiple;  // rows and products are padded with zeros to a multiple of this
  // c += rows'rows in the upper triangle and up to `multiple` - 1 entries left of it. `rows`: count x width, `c`: width
  // x width, both row-major.
  void (*add)(const double* rows, std::size_t count, std::size_t width, double* c);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(CrossProductKernels, cross_product_kernels)
