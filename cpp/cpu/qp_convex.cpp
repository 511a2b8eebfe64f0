#include "qp_convex.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "blas.hpp"
#include "checks.hpp"
#include "definite.hpp"

namespace portfolio::qp {
namespace {

// P may miss semidefiniteness by a share of each diagonal entry, and by rounding of the largest.
constexpr double kIndefinite = 1e-8;
constexpr double kRounding = 1e-14;
constexpr double kSame = 1e-13;   // of the largest entry: by how much triangles may differ that stand for each other
constexpr std::size_t kFew = 96;  // variables up to which our own loops are faster than LAPACK

double largest_variance(MatrixView P) {
  double largest = 0.0;
  for (std::size_t j = 0; j < P.rows; ++j) largest = std::max(largest, P(j, j));
  return largest;
}

// What is added to a diagonal entry before its matrix must have positive pivots.
double allowance(double variance, double largest) {
  return kIndefinite * std::max(variance, 0.0) + kRounding * largest;
}

// One pass and one factorisation that prove everything of most small matrices; false where they do not.
bool proved(MatrixView P) {
  static thread_local std::vector<double> room;
  const std::size_t n = P.rows, stride = (n + kDefiniteLanes - 1) / kDefiniteLanes * kDefiniteLanes;
  const double largest = largest_variance(P), allowed = kSame * largest;
  if (!(largest > 0.0)) return false;
  room.assign(n * stride, 0.0);
  bool same = true;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) {
      const double entry = P(i, j);
      room[i * stride + j] = entry;
      same &= std::fabs(entry - P(j, i)) <= allowed;
    }
    room[i * stride + i] += allowance(P(i, i), largest);
  }
  static const DefiniteKernels& kernels = PORTFOLIO_SIMD_CHOOSE(definite_kernels);
  return same && kernels.definite(room.data(), n, stride);
}

void require(MatrixView P, const char* function, const char* name) {
  if (!P) return;
  const std::size_t n = P.rows;
  const int size = static_cast<int>(n);
  const double largest = largest_variance(P);
  std::vector<double> factor(P.data, P.data + n * n);
  if (largest > 0.0) {
    for (std::size_t j = 0; j < n; ++j) factor[j * n + j] += allowance(P(j, j), largest);
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

bool require_convex(const QpProblem& problem, const char* function) {
  const MatrixView P = problem.P;
  if (P && P.rows <= kFew && proved(P)) return true;
  if (P) check_symmetric(function, "P", P);
  require(P, function, "P");
  require(problem.factors.F, function, "F");
  return symmetric(P);
}

bool symmetric(MatrixView P) {
  constexpr std::size_t kSquare = 32;  // rows and columns of a square both stay in cache
  const double allowed = kSame * largest_variance(P);
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
