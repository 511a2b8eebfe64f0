// Factor of a positive semidefinite matrix, singular ones included.
#pragma once

#include "portfolio/matrix.hpp"

namespace portfolio {

// F (n x rank) with F F' = the matrix to rounding: Cholesky with diagonal pivoting (Higham 1990, "Analysis of the
// Cholesky decomposition of a semi-definite matrix") of the matrix scaled to unit diagonal, rows in the caller's order.
// A matrix with a negative eigenvalue beyond rounding throws std::invalid_argument naming `function` and `argument`.
Matrix psd_factor(MatrixView matrix, const char* function, const char* argument);

}  // namespace portfolio
