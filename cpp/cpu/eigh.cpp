#include "portfolio/eigh.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "blas.hpp"
#include "checks.hpp"
#include "cpu_backend.hpp"
#include "eigh_ql.hpp"
#include "parallel.hpp"
#include "symmetric.hpp"

namespace portfolio {
namespace {

constexpr std::size_t kSmall = 100;  // up to here our own QL iteration beats LAPACK's divide and conquer

// Scaled by a power of two, so that squares neither overflow nor vanish.
int exponent_of(const double* a, std::size_t count) {
  const double largest = largest_magnitude(a, count);
  int exponent = 0;
  std::frexp(largest, &exponent);
  return largest > 0.0 ? exponent : 0;
}

bool by_ql(std::size_t n, double* a, double* values) {
  const std::size_t stride = block_count(n, 4) * 4;
  std::vector<double> work(2 * n * stride + n + 4 * stride);
  double *scaled = work.data(), *vectors = scaled + n * stride, *found = vectors + n * stride;
  const int exponent = exponent_of(a, n * n);
  const double half = std::ldexp(1.0, -exponent / 2), rest = std::ldexp(1.0, -exponent + exponent / 2);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) scaled[j * stride + i] = a[j * n + i] * half * rest;
  }
  static const QlKernels& kernels = PORTFOLIO_SIMD_CHOOSE(ql_kernels);
  if (!kernels.solve(n, stride, scaled, vectors, found, found + n)) return false;
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return found[i] < found[j]; });
  for (std::size_t k = 0; k < n; ++k) {
    values[k] = std::ldexp(found[order[k]], exponent);
    std::copy_n(vectors + order[k] * stride, n, a + k * n);
  }
  return true;
}

}  // namespace

void eigen_columns(std::size_t n, double* a, double* values) {
  if (n <= kSmall && by_ql(n, a, values)) return;
  if (blas::syevd(static_cast<int>(n), a, values) != 0)
    throw std::runtime_error("[eigh] the iteration did not converge");
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

std::vector<double> cpu_eigvalsh(MatrixView matrix) {
  Matrix a = symmetric_part(matrix);
  std::vector<double> values(matrix.rows);
  if (blas::syevd(static_cast<int>(matrix.rows), a.data.data(), values.data(), false) != 0)
    throw std::runtime_error("[eigvalsh] the iteration did not converge");
  return values;
}

std::vector<EighResult> CpuBackend::eigh_batch(const std::vector<MatrixView>& matrices) const {
  std::vector<EighResult> out(matrices.size());
  parallel_for(matrices.size(), [&](std::size_t k) { out[k] = CpuBackend::eigh(matrices[k]); });
  return out;
}

}  // namespace portfolio
