#include "portfolio/eigh.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>
#include <stdexcept>

#include "blas.hpp"
#include "cpu_backend.hpp"
#include "parallel.hpp"
#include "symmetric.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kSmall = 50;  // below, Eigen's QL iteration beats LAPACK's divide and conquer

void with_eigen(std::size_t size, double* a, double* values) {
  const auto n = static_cast<Eigen::Index>(size);
  Eigen::Map<Eigen::MatrixXd> A(a, n, n);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(A);
  if (solver.info() != Eigen::Success) throw std::runtime_error("[eigh] the iteration did not converge");
  Eigen::Map<Eigen::VectorXd>(values, n) = solver.eigenvalues();
  A = solver.eigenvectors();
}

}  // namespace

void eigen_columns(std::size_t n, double* a, double* values) {
  if (n <= kSmall) {
    with_eigen(n, a, values);
  } else if (blas::syevd(static_cast<int>(n), a, values) != 0) {
    throw std::runtime_error("[eigh] the iteration did not converge");
  }
}

EighResult oriented(std::size_t n, std::vector<double>&& values, const double* columns) {
  EighResult result;
  result.values = std::move(values);
  result.vectors = Matrix(n, n);
  for (std::size_t k = 0; k < n; ++k) {
    const double* v = columns + k * n;
    std::size_t largest = 0;
    for (std::size_t i = 1; i < n; ++i) {
      if (std::fabs(v[i]) > std::fabs(v[largest])) largest = i;
    }
    const double sign = v[largest] < 0.0 ? -1.0 : 1.0;
    for (std::size_t i = 0; i < n; ++i) result.vectors(i, k) = sign * v[i];
  }
  return result;
}

EighResult CpuBackend::eigh(MatrixView matrix) const {
  const std::size_t n = matrix.rows;
  Matrix columns = symmetric_part(matrix);
  std::vector<double> values(n);
  eigen_columns(n, columns.data.data(), values.data());
  return oriented(n, std::move(values), columns.data.data());
}

std::vector<EighResult> CpuBackend::eigh_batch(const std::vector<MatrixView>& matrices) const {
  std::vector<EighResult> out(matrices.size());
  parallel_for(matrices.size(), [&](std::size_t k) { out[k] = CpuBackend::eigh(matrices[k]); });
  return out;
}

}  // namespace portfolio
