#include "critical_line_data.hpp"

#include <algorithm>
#include <cmath>

namespace portfolio::critical_line {
namespace {

constexpr double kHuge = 1e19;  // a bound of this size is no bound, as for solve_qp

void append(Rows& rows, MatrixView m, VectorView bound) {
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (std::size_t j = 0; j < m.cols; ++j) {
      if (m(i, j) == 0.0) continue;
      rows.column.push_back(j);
      rows.value.push_back(m(i, j));
    }
    rows.start.push_back(rows.column.size());
    rows.bound.push_back(bound[i] >= kHuge ? kNone : bound[i]);
  }
}

bool exactly_symmetric(MatrixView m) {
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (m(i, j) != m(j, i)) return false;
    }
  }
  return true;
}

}  // namespace

Data::Data(const FrontierProblem& p) : mu(p.mu), sigma(p.Sigma.data) {
  const std::size_t size = mu.size;
  if (!exactly_symmetric(p.Sigma)) {
    symmetric = Matrix(size, size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j <= i; ++j) symmetric(i, j) = symmetric(j, i) = 0.5 * (p.Sigma(i, j) + p.Sigma(j, i));
    }
    sigma = symmetric.data.data();
  }
  if (p.A) append(rows, p.A, p.b);
  rows.equalities = rows.count();
  if (p.G) append(rows, p.G, p.h);
  lb.assign(size, -kNone);
  ub.assign(size, kNone);
  volatility.resize(size);
  largest_entry.assign(size, 0.0);
  for (std::size_t e = 0; e < rows.column.size(); ++e) {
    largest_entry[rows.column[e]] = std::max(largest_entry[rows.column[e]], std::fabs(rows.value[e]));
  }
  for (std::size_t j = 0; j < size; ++j) {
    if (p.lb && p.lb[j] > -kHuge) lb[j] = p.lb[j];
    if (p.ub && p.ub[j] < kHuge) ub[j] = p.ub[j];
    volatility[j] = std::sqrt(std::max(sigma_row(j)[j], 0.0));
  }
}

}  // namespace portfolio::critical_line
