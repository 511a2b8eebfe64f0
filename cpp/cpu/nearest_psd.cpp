// Higham 2002, "Computing the nearest correlation matrix - a problem from finance", algorithm 3.3: alternating
// projections between the matrices with eigenvalues above the floor and those with unit diagonal, with Dykstra's
// correction for the first (the second is affine and needs none).
#include <algorithm>
#include <cmath>
#include <limits>

#include "blas.hpp"
#include "cpu_backend.hpp"
#include "symmetric.hpp"

namespace portfolio {
namespace {

double frobenius(const Matrix& m) {
  double sum = 0.0;
  for (const double v : m.data) sum += v * v;
  return std::sqrt(sum);
}

double distance(const Matrix& a, const Matrix& b) {
  double sum = 0.0;
  for (std::size_t k = 0; k < a.data.size(); ++k) sum += (a.data[k] - b.data[k]) * (a.data[k] - b.data[k]);
  return std::sqrt(sum);
}

std::vector<double> eigenvalues(const Matrix& m) {
  Matrix copy = m;
  std::vector<double> values(m.rows);
  eigen_columns(m.rows, copy.data.data(), values.data());
  return values;
}

// Nearest matrix with eigenvalues >= floor: the ones below are lifted, the rest of the matrix is left as it is.
Matrix clip(const Matrix& m, double floor) {
  const std::size_t n = m.rows;
  Matrix vectors = m;
  std::vector<double> values(n);
  eigen_columns(n, vectors.data.data(), values.data());
  std::size_t low = 0;
  for (; low < n && values[low] < floor; ++low) {
    const double root = std::sqrt(floor - values[low]);
    for (std::size_t i = 0; i < n; ++i) vectors.data[low * n + i] *= root;
  }
  Matrix out = m;
  const int size = static_cast<int>(n);
  blas::syrk_lower(size, static_cast<int>(low), 1.0, vectors.data.data(), size, 1.0, out.data.data(), size);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) out.data[i * n + j] = out.data[j * n + i];
  }
  return out;
}

// Moves `m` (unit diagonal) towards the identity until its smallest eigenvalue is the floor, rounding included: what
// the projections leave of the order of their tolerance.
void lift(Matrix& m, double floor) {
  const std::vector<double> values = eigenvalues(m);
  const double slack = 0.5 * static_cast<double>(m.rows) * std::numeric_limits<double>::epsilon() * values.back();
  const double share = (floor + slack - values.front()) / (1.0 - values.front());
  if (!(share > 0.0)) return;
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (std::size_t j = 0; j < m.cols; ++j) m(i, j) = i == j ? 1.0 : (1.0 - share) * m(i, j);
  }
}

Matrix alternating_projections(const Matrix& start, double floor, const NearestPsdOptions& options,
                               NearestPsdResult& result) {
  const std::size_t n = start.rows;
  Matrix y = start, x = start, correction(n, n);
  result.converged = false;
  while (!result.converged && result.iterations < options.max_iterations) {
    options.interrupt.check("nearest_psd");
    ++result.iterations;
    Matrix r = y;
    for (std::size_t k = 0; k < r.data.size(); ++k) r.data[k] -= correction.data[k];
    Matrix next = clip(r, floor);
    for (std::size_t k = 0; k < r.data.size(); ++k) correction.data[k] = next.data[k] - r.data[k];
    const double moved_x = distance(next, x);
    x = std::move(next);
    Matrix unit = x;
    for (std::size_t i = 0; i < n; ++i) unit(i, i) = 1.0;
    const double moved = std::max({moved_x, distance(unit, y), distance(unit, x)});
    y = std::move(unit);
    result.converged = moved <= options.tolerance * frobenius(y);
  }
  lift(y, floor);
  return y;
}

void report(NearestPsdResult& result, MatrixView before) {
  double sum = 0.0;
  for (std::size_t k = 0; k < result.matrix.data.size(); ++k) {
    const double change = std::fabs(result.matrix.data[k] - before.data[k]);
    sum += change * change;
    result.max_change = std::max(result.max_change, change);
  }
  result.distance = std::sqrt(sum);
  result.changed = result.max_change > 0.0;
}

// Volatilities, and the matrix over them. An entry without variance gets a row of the identity: it decouples.
Matrix unit_diagonal(const Matrix& m, std::vector<double>& sigma, bool& forced) {
  const std::size_t n = m.rows;
  sigma.resize(n);
  for (std::size_t i = 0; i < n; ++i) sigma[i] = std::sqrt(m(i, i));
  Matrix out(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) {
        out(i, j) = 1.0;
      } else if (sigma[i] > 0.0 && sigma[j] > 0.0) {
        out(i, j) = m(i, j) / std::max(sigma[i], sigma[j]) / std::min(sigma[i], sigma[j]);
      } else {
        forced = forced || m(i, j) != 0.0;
      }
    }
  }
  return out;
}

}  // namespace

NearestPsdResult CpuBackend::nearest_psd(MatrixView matrix, const NearestPsdOptions& options) const {
  const std::size_t n = matrix.rows;
  const Matrix symmetric = symmetric_part(matrix);
  NearestPsdResult result;
  bool forced = false;  // covariances with an entry that has no variance, which must go
  std::vector<double> sigma;
  const Matrix start = options.keep_diagonal ? unit_diagonal(symmetric, sigma, forced) : symmetric;
  double mean_variance = 0.0;
  for (std::size_t i = 0; i < n; ++i) mean_variance += start(i, i) / static_cast<double>(n);
  const double floor = options.min_eigenvalue * std::max(mean_variance, 0.0);
  const std::vector<double> values = eigenvalues(start);
  const double largest = std::max(std::fabs(values.front()), std::fabs(values.back()));
  const double rounding = static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
  result.smallest_eigenvalue = values.front();
  for (const double value : values) result.negative_eigenvalues += value < floor - rounding ? 1 : 0;
  if (result.negative_eigenvalues == 0 && !forced) {
    result.matrix = Matrix(n, n);
    std::copy_n(matrix.data, n * n, result.matrix.data.begin());
    return result;
  }
  if (!options.keep_diagonal) {
    result.iterations = 1;
    result.matrix = clip(start, floor);
  } else {
    result.matrix = result.negative_eigenvalues == 0 ? start : alternating_projections(start, floor, options, result);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        result.matrix(i, j) = i == j ? matrix(i, i) : result.matrix(i, j) * sigma[i] * sigma[j];
      }
    }
  }
  report(result, matrix);
  return result;
}

}  // namespace portfolio
