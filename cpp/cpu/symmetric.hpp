// Eigenvalues of symmetric matrices, shared by eigh, nearest_psd and the factor of simulate.
#pragma once

#include "portfolio/eigh.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

// (M + M') / 2.
inline Matrix symmetric_part(MatrixView m) {
  Matrix out(m.rows, m.cols);
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (std::size_t j = 0; j <= i; ++j) out(i, j) = out(j, i) = 0.5 * m(i, j) + 0.5 * m(j, i);
  }
  return out;
}

// Eigenvalues ascending in `values`; eigenvector k over a[k * n .. k * n + n). Throws when LAPACK gives up.
void eigen_columns(std::size_t n, double* a, double* values);

// The result of ascending values and their eigenvectors (vector k at columns[k * n]): largest entries made positive.
EighResult oriented(std::size_t n, std::vector<double>&& values, const double* columns);

}  // namespace portfolio
