// Newton's step in the relative variables s, y <- y (1 + t s). In units of sqrt(b) its matrix is I + K with K = Y C Y /
// b positive semidefinite. At the solution sqrt(b) is an eigenvector of K with the eigenvalue 1, and where assets move
// together the others are small: conjugate gradients need a few products with C. Where they need many, a Cholesky
// factorisation does it, which does not break down however small a budget is.
#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "risk_parity_solver.hpp"
#include "vector_kernels.hpp"

namespace portfolio::parity {
namespace {

constexpr std::size_t kProducts = 12;  // with C, that conjugate gradients may take, and one more for every kMore assets
constexpr std::size_t kMore = 16;
constexpr double kLoose = 0.1;

}  // namespace

// With r = max(-s_i) the step t = 1 / (1 + r) is the minimiser of an upper bound of the objective
// (|f'''| <= 2 max|s| f''): it always descends and tends to the full step.
bool Solver::newton() {
  const double accuracy = std::min(kLoose, error(true));  // of the step: enough for quadratic convergence
  for (std::size_t i = 0; i < n_; ++i) {
    unit_[i] = y_[i] / root_[i];
    step_[i] = root_[i] - unit_[i] * g_[i];
  }
  if (!conjugate_gradients(accuracy) && !factorised()) return false;
  double backward = 0.0;
  for (std::size_t i = 0; i < n_; ++i) {
    step_[i] /= root_[i];
    backward = std::max(backward, -step_[i]);
  }
  const double t = 1.0 / (1.0 + backward);
  for (std::size_t i = 0; i < n_; ++i) y_[i] *= 1.0 + t * step_[i];
  multiply();
  rescale();
  return true;
}

// (I + K) s = step, to a share of the right-hand side; false, with the step as it was, when that takes too long.
bool Solver::conjugate_gradients(double accuracy) {
  const VectorKernels& v = vectors();
  const std::size_t limit = kProducts + n_ / kMore;
  rest_ = step_;
  search_ = step_;
  std::vector<double>& s = solution_;
  std::fill(s.begin(), s.end(), 0.0);
  double size = v.dot(n_, rest_.data(), rest_.data());
  const double enough = accuracy * accuracy * size;
  for (std::size_t k = 0; k < limit; ++k) {
    if (size <= enough) {
      step_.swap(s);
      return true;
    }
    for (std::size_t i = 0; i < n_; ++i) scaled_[i] = unit_[i] * search_[i];
    v.multiply(n_, n_, C_.data.data(), scaled_.data(), product_.data());
    double curvature = v.dot(n_, search_.data(), search_.data());
    curvature += v.dot(n_, scaled_.data(), product_.data());
    if (!(curvature > 0.0)) return false;
    const double length = size / curvature;
    for (std::size_t i = 0; i < n_; ++i) {
      s[i] += length * search_[i];
      rest_[i] -= length * (search_[i] + unit_[i] * product_[i]);
    }
    const double next = v.dot(n_, rest_.data(), rest_.data());
    const double share = next / size;
    for (std::size_t i = 0; i < n_; ++i) search_[i] = rest_[i] + share * search_[i];
    size = next;
  }
  return false;
}

bool Solver::factorised() {
  if (H_.rows == 0) H_ = Matrix(n_, n_);
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t j = i; j < n_; ++j)
      H_(i, j) = unit_[i] * C_(i, j) * unit_[j];  // its columns from the diagonal down
    H_(i, i) += 1.0;
  }
  const int n = static_cast<int>(n_);
  if (blas::potrf(n, H_.data.data(), n) != 0) return false;
  blas::potrs(n, 1, H_.data.data(), n, step_.data(), n);
  return true;
}

}  // namespace portfolio::parity
