// The critical line (Markowitz 1956; Markowitz and Todd 2000, chapter 7) under general linear constraints: the path of
//   minimise 1/2 w'Sigma w - t mu'w  subject to  A w = b,  G w <= h,  lb <= w <= ub
// for every t >= 0. It is piecewise linear in t; where it bends is a corner portfolio. docs/numerics/frontier.md
#pragma once

#include <functional>
#include <vector>

#include "critical_line_set.hpp"

namespace portfolio::critical_line {

struct Corner {
  double t = 0.0;
  std::vector<double> w;
  double expected_return = 0.0, variance = 0.0;
};

struct Path {
  std::vector<Corner> corners;  // t descending, the last one at t = 0
  QpStatus status = QpStatus::numerical_error;
  double max_residual = 0.0;  // worst of both ends of every segment; optimal means at most kCertified
};

// Relative to the data, without the 1 of the solvers' residuals.
constexpr double kCertified = 1e-9;

// The certified program at one t, by one method.
using Solve = std::function<QpResult(double t, QpMethod method)>;

Path follow(const FrontierProblem& problem, const Solve& solve);

}  // namespace portfolio::critical_line
