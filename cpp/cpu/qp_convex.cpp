#include "qp_convex.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "blas.hpp"
#include "checks.hpp"

namespace portfolio::qp {
namespace {

// P may miss semidefiniteness by a share of each diagonal entry, and by rounding of the largest.
constexpr double kIndefinite = 1e-8;
constexpr double kRounding = 1e-14;

void require(MatrixView P, const char* function, const char* name) {
  if (!P) return;
  const std::size_t n = P.rows;
  const int size = static_cast<int>(n);
  double largest = 0.0;
  for (std::size_t j = 0; j < n; ++j) largest = std::max(largest, P(j, j));
  std::vector<double> factor(P.data, P.data + n * n);
  if (largest > 0.0) {
    for (std::size_t j = 0; j < n; ++j) factor[j * n + j] += kIndefinite * std::max(P(j, j), 0.0) + kRounding * largest;
    if (blas::potrf(size, factor.data(), size) == 0) return;
  } else if (std::all_of(factor.begin(), factor.end(), [](double v) { return v == 0.0; })) {
    return;
  }
  std::copy_n(P.data, n * n, factor.begin());
  std::vector<double> values(n);
  blas::syevd(size, factor.data(), values.data());
  char text[160];
  std::snprintf(text, sizeof text, "eigenvalues from %.6g to %.6g (nearest_psd repairs a covariance)", values.front(),
                values.back());
  fail(function, name, "a positive semidefinite matrix", text);
}

}  // namespace

void require_convex(const QpProblem& problem, const char* function) {
  require(problem.P, function, "P");
  require(problem.factors.F, function, "F");
}

bool symmetric(MatrixView P) {
  constexpr std::size_t kSquare = 32;  // rows and columns of a square both stay in cache
  double largest = 0.0;
  for (std::size_t j = 0; j < P.rows; ++j) largest = std::max(largest, P(j, j));
  const double allowed = 1e-13 * largest;
  bool same = true;
  for (std::size_t top = 0; top < P.rows && same; top += kSquare) {
    for (std::size_t left = 0; left <= top; left += kSquare) {
      for (std::size_t i = top; i < std::min(top + kSquare, P.rows); ++i) {
        for (std::size_t j = left; j < std::min(left + kSquare, i); ++j)
          same &= std::fabs(P(i, j) - P(j, i)) <= allowed;
      }
    }
  }
  return same;
}

}  // namespace portfolio::qp
