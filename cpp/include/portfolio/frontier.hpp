// Mean-variance frontier: its corner portfolios, between which it is linear in the weights, and `points`
// minimum-variance portfolios evenly spaced in expected return, from the global minimum-variance portfolio to the
// highest attainable return.
#pragma once

#include "portfolio/qp.hpp"

namespace portfolio {

struct FrontierProblem {
  VectorView mu;     // n
  MatrixView Sigma;  // n x n
  MatrixView G;      // constraints as in QpProblem
  VectorView h;
  MatrixView A;
  VectorView b;
  VectorView lb, ub;
  std::size_t points = 50;
  QpOptions qp;
};

struct FrontierResult {
  Matrix weights;                               // points x n
  std::vector<double> expected_return;          // points, ascending
  std::vector<double> expected_risk;            // points, standard deviation
  QpStatus status = QpStatus::numerical_error;  // the first failing solve, else optimal
  double max_residual = 0.0;                    // worst primal, dual or gap of all points
  DeviceUsed device;

  // The critical line: corner k minimises variance / 2 - t return at t = corner_risk_tolerance[k], and so does
  // corner 0 at every larger t. t descends to 0. Empty where the points were found without it.
  Matrix corner_weights;  // corners x n
  std::vector<double> corner_risk_tolerance, corner_return, corner_variance;
};

FrontierResult efficient_frontier(const FrontierProblem& problem);

}  // namespace portfolio
