#include <random>

#include "check.hpp"
#include "portfolio/eigh.hpp"

using namespace portfolio;

namespace {

Matrix random_symmetric(std::size_t n) {
  std::mt19937_64 engine(n);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  Matrix m(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) m(i, j) = m(j, i) = uniform(engine);
  }
  return m;
}

// Largest entry of AV - V diag(values) and of V'V - I.
void residuals(const Matrix& a, const EighResult& r, double& product, double& orthogonal) {
  const std::size_t n = a.rows;
  product = orthogonal = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      double av = 0.0, vv = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        av += a(i, j) * r.vectors(j, k);
        vv += r.vectors(j, i) * r.vectors(j, k);
      }
      product = std::fmax(product, std::fabs(av - r.values[k] * r.vectors(i, k)));
      orthogonal = std::fmax(orthogonal, std::fabs(vv - (i == k ? 1.0 : 0.0)));
    }
  }
}

}  // namespace

int main() {
  for (const std::size_t n : {1u, 2u, 49u, 50u, 51u, 130u}) {  // both sides of the size rule
    const Matrix a = random_symmetric(n);
    const auto r = eigh(a.view());
    double product, orthogonal;
    residuals(a, r, product, orthogonal);
    CHECK(product < 1e-12 && orthogonal < 1e-12);
    const auto values = eigvalsh(a.view());
    for (std::size_t k = 0; k < n; ++k) {
      CHECK(k == 0 || r.values[k - 1] <= r.values[k]);
      CHECK_NEAR(values[k], r.values[k], 1e-12);
    }
  }
  // Higham 2002, section 4: the nearest correlation matrix to tridiag(-1, 2, -1).
  const std::vector<double> tridiagonal = {1, -1, 0, 0, -1, 1, -1, 0, 0, -1, 1, -1, 0, 0, -1, 1};
  const auto near = nearest_psd(MatrixView{tridiagonal.data(), 4, 4});
  CHECK(near.changed && near.converged && near.negative_eigenvalues == 1);
  CHECK_NEAR(near.matrix(0, 1), -0.8084, 5e-5);
  CHECK_NEAR(near.matrix(1, 2), -0.6562, 5e-5);
  CHECK_NEAR(near.matrix(0, 3), 0.1068, 5e-5);
  CHECK(eigh(near.matrix.view()).values[0] >= -1e-15);
  const auto again = nearest_psd(near.matrix.view());
  CHECK(!again.changed && again.matrix.data == near.matrix.data && again.distance == 0.0);

  const std::vector<double> skew = {1, 0.5, 0.4, 1};
  CHECK_THROWS(eigh(MatrixView{skew.data(), 2, 2}), "[eigh] matrix: expected a symmetric matrix, got 0.4 at [1, 0]");
  CHECK_THROWS(eigh(MatrixView{skew.data(), 1, 4}), "expected a square matrix, got shape (1, 4)");
  const std::vector<double> negative = {-1, 0, 0, 1};
  CHECK_THROWS(nearest_psd(MatrixView{negative.data(), 2, 2}), "no negative diagonal entry");
  NearestPsdOptions options;
  options.keep_diagonal = false;
  CHECK_NEAR(nearest_psd(MatrixView{negative.data(), 2, 2}, options).distance, 1.0, 1e-15);
  options.min_eigenvalue = 1.0;
  CHECK_THROWS(nearest_psd(MatrixView{negative.data(), 2, 2}, options), "min_eigenvalue");
  return check::finish();
}
