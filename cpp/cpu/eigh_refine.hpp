// Approximate eigenvectors, as a device in float32 delivers them, brought to the accuracy of float64.
#pragma once

#include <vector>

#include "portfolio/matrix.hpp"

namespace portfolio {

// `columns` (n x n, vector k at k * n) approximates the eigenvectors of the symmetric `a`; refined in place, with the
// ascending eigenvalues in `values`. False when residual or orthogonality is not what the CPU's own solver
// guarantees: then the caller solves `a` otherwise. docs/numerics/eigh.md has the method.
bool refine_eigenvectors(const Matrix& a, std::vector<double>& columns, std::vector<double>& values);

}  // namespace portfolio
