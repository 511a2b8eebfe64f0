// Mean-variance frontier: `points` minimum-variance portfolios evenly spaced in expected return,
// from the global minimum-variance portfolio to the highest attainable return.
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
};

FrontierResult efficient_frontier(const FrontierProblem& problem);

}  // namespace portfolio
