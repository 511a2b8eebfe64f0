// A proof that a small matrix is positive definite: LAPACK takes longer to begin than these loops take to end.
#pragma once

#include <cstddef>

#include "simd_level.hpp"

namespace portfolio {

constexpr std::size_t kDefiniteLanes = 8;  // rows are padded with zeros to a multiple of this

struct DefiniteKernels {
  // Whether every pivot of the (n x n) matrix is positive. Rows are `stride` apart; the upper triangle is read and
  // lost, and up to kDefiniteLanes - 1 entries left of it. An infinity or NaN in it leaves a pivot that is not
  // positive.
  bool (*definite)(double* a, std::size_t n, std::size_t stride);
};

}  // namespace portfolio

PORTFOLIO_SIMD_TABLE(DefiniteKernels, definite_kernels)
