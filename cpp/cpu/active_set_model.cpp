#include "active_set_model.hpp"

#include <algorithm>
#include <cmath>

#include "qp_limits.hpp"

namespace portfolio::active {
namespace {

using qp::kHuge;
using qp::kInfinity;

// Curvature below this share of the largest (a constant return's variance is rounding) is no measure of a variable.
constexpr double kFlat = 1e-18;
constexpr double kCrossed = 1e-12;  // bounds that cross by rounding are equal

double positive_or_one(double v) { return v > 0.0 ? v : 1.0; }

}  // namespace

const double* Model::row(int i) const {
  const auto n = at(n_);
  return i < equalities_ ? problem_.A.data + at(i) * n : problem_.G.data + inequality(i) * n;
}

void Model::attach(const QpProblem& problem) {
  problem_ = problem;
  hessian_.attach(problem);
  n_ = static_cast<int>(problem.q.size);
  limits();
  units();
}

void Model::limits() {
  const auto n = at(n_);
  lb_.resize(n);
  ub_.resize(n);
  crossed_ = false;
  for (std::size_t j = 0; j < n; ++j) {
    const double low = problem_.lb ? problem_.lb[j] : -kInfinity, high = problem_.ub ? problem_.ub[j] : kInfinity;
    lb_[j] = low <= -kHuge ? -kInfinity : low;
    ub_[j] = high >= kHuge ? kInfinity : high;
    if (lb_[j] < ub_[j] || lb_[j] == ub_[j]) continue;
    crossed_ |= lb_[j] - ub_[j] > kCrossed * (1.0 + std::max(std::fabs(lb_[j]), std::fabs(ub_[j])));
    ub_[j] = lb_[j];
  }
  equalities_ = static_cast<int>(problem_.A.rows);
  inequalities_.clear();
  for (std::size_t i = 0; i < problem_.G.rows; ++i) {
    if (problem_.h[i] < kHuge) inequalities_.push_back(i);
  }
  const std::size_t rows = problem_.A.rows + inequalities_.size();
  const bool limited = problem_.turnover < kHuge && problem_.held;
  turnover_ = limited ? static_cast<int>(rows) : -1;
  rhs_.resize(rows + (limited ? 1 : 0));
  row_scale_.resize(rhs_.size());
  for (int i = 0; i < static_cast<int>(rows); ++i) {
    rhs_[at(i)] = i < equalities_ ? problem_.b[at(i)] : problem_.h[inequality(i)];
  }
  if (limited) rhs_.back() = problem_.turnover;
}

// Unit curvature where there is some; elsewhere a unit share of the variable's rows.
void Model::units() {
  const auto n = at(n_);
  const int plain = turnover_ >= 0 ? rows() - 1 : rows();
  column_.resize(n);
  work_.resize(n);
  hessian_.diagonal(work_.data());
  const double largest = n == 0 ? 0.0 : *std::max_element(work_.begin(), work_.end());
  bool flat = false;
  for (std::size_t j = 0; j < n; ++j) {
    const bool curved = work_[j] > kFlat * largest;
    column_[j] = curved ? 1.0 / std::sqrt(work_[j]) : 0.0;
    flat |= !curved;
  }
  const auto measure_rows = [&] {
    for (int i = 0; i < plain; ++i) {
      const double* a = row(i);
      double top = 0.0;
      for (std::size_t j = 0; j < n; ++j) top = std::max(top, std::fabs(a[j]) * column_[j]);
      row_scale_[at(i)] = 1.0 / positive_or_one(top);
    }
  };
  measure_rows();
  if (flat) {
    std::fill(work_.begin(), work_.end(), 0.0);
    for (int i = 0; i < plain; ++i) {
      const double* a = row(i);
      for (std::size_t j = 0; j < n; ++j) work_[j] = std::max(work_[j], std::fabs(a[j]) * row_scale_[at(i)]);
    }
    for (std::size_t j = 0; j < n; ++j) {
      if (column_[j] == 0.0) column_[j] = 1.0 / positive_or_one(work_[j]);
    }
    measure_rows();
  }
  if (turnover_ >= 0)
    row_scale_[at(turnover_)] = 1.0 / positive_or_one(*std::max_element(column_.begin(), column_.end()));
  double gradient = 0.0;
  for (std::size_t j = 0; j < n; ++j) gradient = std::max(gradient, column_[j] * std::fabs(problem_.q[j]));
  double size = typical_size();
  if (size == 0.0 && largest > 0.0) size = gradient;
  size = positive_or_one(size);
  objective_ = 1.0 / positive_or_one(std::max(size * gradient, largest > 0.0 ? size * size : 0.0));
  curvature_ = largest > 0.0 ? size * size * objective_ : 1.0;
  for (double& v : column_) v *= size;
  for (int i = 0; i < rows(); ++i) {
    row_scale_[at(i)] /= size;
    rhs_[at(i)] *= row_scale_[at(i)];
  }
}

// The size x will have: the largest right-hand side of an equality, else the median of the other limits.
double Model::typical_size() {
  double side = 0.0;
  for (int i = 0; i < equalities_; ++i) side = std::max(side, std::fabs(rhs_[at(i)] * row_scale_[at(i)]));
  if (side > 0.0) return side;
  work_.clear();
  const auto take = [this](double v) {
    if (v != 0.0 && std::isfinite(v)) work_.push_back(std::fabs(v));
  };
  for (int i = equalities_; i < rows(); ++i) take(rhs_[at(i)] * row_scale_[at(i)]);
  for (std::size_t j = 0; j < lb_.size(); ++j) {
    take(lb_[j] / column_[j]);
    take(ub_[j] / column_[j]);
  }
  if (work_.empty()) return 0.0;
  const auto middle = work_.begin() + static_cast<std::ptrdiff_t>(work_.size() / 2);
  std::nth_element(work_.begin(), middle, work_.end());
  return *middle;
}

}  // namespace portfolio::active
