#include "psd_factor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "checks.hpp"

namespace portfolio {
namespace {

// What is left after the last pivot must be zero: for a PSD matrix an entry cannot exceed the diagonal.
void check_remainder(const Matrix& rest, const std::vector<std::size_t>& order, std::size_t rank, const char* function,
                     const char* argument) {
  constexpr double kIndefinite = 1e-7;  // of a unit diagonal: beyond what rounding of the caller's entries explains
  for (std::size_t a = rank; a < order.size(); ++a) {
    for (std::size_t b = rank; b <= a; ++b) {
      const double left = rest(order[a], order[b]);
      if (std::fabs(left) > kIndefinite) {
        fail(function, argument, "a positive semidefinite matrix (nearest_psd makes one)",
             "an indefinite one: with the other assets hedged, entry " +
                 position(order[a] * rest.cols + order[b], rest.rows, rest.cols) + " of the correlation leaves " +
                 number(left));
      }
    }
  }
}

}  // namespace

Matrix psd_factor(MatrixView matrix, const char* function, const char* argument) {
  const std::size_t n = matrix.rows;
  std::vector<double> sigma(n);
  for (std::size_t i = 0; i < n; ++i) sigma[i] = std::sqrt(matrix(i, i));
  Matrix rest(n, n);  // the Schur complement, by the caller's numbers
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double entry = 0.5 * (matrix(i, j) + matrix(j, i));
      const bool flat = !(sigma[i] > 0.0 && sigma[j] > 0.0);
      if (flat && entry != 0.0) {
        fail(function, argument, "a positive semidefinite matrix (nearest_psd makes one)",
             number(entry) + " at " + position(i * n + j, n, n) + " beside a variance of zero");
      }
      rest(i, j) = rest(j, i) = flat ? 0.0 : (i == j ? 1.0 : entry / sigma[i] / sigma[j]);
    }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const double smallest = 10.0 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  Matrix columns(n, n);  // row k is column k of the factor
  std::size_t rank = 0;
  for (; rank < n; ++rank) {
    std::size_t best = rank;
    for (std::size_t a = rank + 1; a < n; ++a) {
      if (rest(order[a], order[a]) > rest(order[best], order[best])) best = a;
    }
    std::swap(order[rank], order[best]);
    const std::size_t p = order[rank];
    if (!(rest(p, p) > smallest)) break;
    const double root = std::sqrt(rest(p, p));
    double* column = &columns.data[rank * n];
    for (std::size_t a = rank; a < n; ++a) column[order[a]] = rest(order[a], p) / root;
    for (std::size_t a = rank + 1; a < n; ++a) {
      const std::size_t i = order[a];
      for (std::size_t j = 0; j < n; ++j) rest(i, j) -= column[i] * column[j];
    }
  }
  check_remainder(rest, order, rank, function, argument);
  Matrix factor(n, rank);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < rank; ++k) factor(i, k) = sigma[i] * columns(k, i);
  }
  return factor;
}

}  // namespace portfolio
