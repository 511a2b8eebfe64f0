// Vectors of single precision are refined to double; what cannot be is refused.
#include <algorithm>
#include <limits>
#include <random>

#include "../../cpp/cpu/eigh_refine.hpp"
#include "check.hpp"
#include "portfolio/eigh.hpp"

using namespace portfolio;

namespace {

using Vector = std::vector<double>;

// Q diag(values) Q' for the eigenvectors Q of some matrix, of Frobenius norm 1.
Matrix with_spectrum(Vector values) {
  const std::size_t n = values.size();
  std::mt19937_64 engine(n);
  std::normal_distribution<double> normal;
  Matrix a(n, n), out(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) a(i, j) = a(j, i) = normal(engine);
  }
  const Matrix q = eigh(a.view()).vectors;
  double norm = 0.0;
  for (const double v : values) norm += v * v;
  for (double& v : values) v /= std::sqrt(norm);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t k = 0; k < n; ++k) out(i, j) += q(i, k) * values[k] * q(j, k);
      out(j, i) = out(i, j);
    }
  }
  return out;
}

// What a float32 solver returns: eigenvectors of the rounded matrix, themselves rounded, in no order.
Vector single_precision(const Matrix& a) {
  const std::size_t n = a.rows;
  Matrix rounded = a;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      rounded(i, j) = rounded(j, i) = static_cast<double>(static_cast<float>(a(i, j)));
    }
  }
  const Matrix vectors = eigh(rounded.view()).vectors;
  Vector columns(n * n);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      columns[k * n + i] = static_cast<double>(static_cast<float>(vectors(i, n - 1 - k)));
    }
  }
  return columns;
}

bool refines(const Matrix& a) {
  const std::size_t n = a.rows;
  Vector columns = single_precision(a), values;
  if (!refine_eigenvectors(a, columns, values)) return false;
  const Vector reference = eigh(a.view()).values;
  double value = 0.0, residual = 0.0, defect = 0.0;
  for (std::size_t k = 0; k < n; ++k) {
    value = std::fmax(value, std::fabs(values[k] - reference[k]));
    for (std::size_t i = 0; i < n; ++i) {
      double image = 0.0, overlap = i == k ? -1.0 : 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        image += a(i, j) * columns[k * n + j];
        overlap += columns[i * n + j] * columns[k * n + j];
      }
      residual = std::fmax(residual, std::fabs(image - values[k] * columns[k * n + i]));
      defect = std::fmax(defect, std::fabs(overlap));
    }
  }
  const double size = static_cast<double>(n);
  CHECK(value <= 1e-14 * size && residual <= 2e-15 * std::sqrt(size) && defect <= 2e-15 * std::sqrt(size));
  return true;
}

Vector ladder(std::size_t n, double step) {
  Vector values;
  for (std::size_t k = 0; k < n; ++k) values.push_back(1.0 + step * static_cast<double>(k));
  return values;
}

}  // namespace

int main() {
  for (const std::size_t n : {1u, 2u, 3u, 16u, 33u, 64u, 128u}) CHECK(refines(with_spectrum(ladder(n, 1.0))));
  CHECK(refines(Matrix(5, 5)));
  Vector values = ladder(30, 1.0);
  for (std::size_t k = 0; k < 10; ++k) values[k] = 2.5;  // repeated
  CHECK(refines(with_spectrum(values)));
  for (std::size_t k = 0; k < 10; ++k) values[k] = 2.5 + 1e-9 * static_cast<double>(k);  // float32 cannot tell them
  CHECK(refines(with_spectrum(values)));
  for (std::size_t k = 0; k < 20; ++k) values[k] = 0.0;  // fewer observations than assets
  CHECK(refines(with_spectrum(values)));
  CHECK(!refines(with_spectrum(ladder(20, 1e-9))));  // all one cluster: as hard as the problem itself

  const Matrix a = with_spectrum(ladder(12, 1.0));
  Vector columns = single_precision(a), found;
  std::copy_n(columns.begin(), 12, columns.begin() + 12);  // one vector twice
  CHECK(!refine_eigenvectors(a, columns, found));
  columns = single_precision(a);
  columns[5] = std::numeric_limits<double>::quiet_NaN();
  CHECK(!refine_eigenvectors(a, columns, found));
  columns.assign(144, 0.0);
  CHECK(!refine_eigenvectors(a, columns, found));
  return check::finish();
}
