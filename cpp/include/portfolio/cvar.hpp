// Conditional value at risk of a table of scenarios (Rockafellar and Uryasev 2000), minimised under linear constraints:
//   minimise CVaR(-Rx) + q'x  subject to  Gx <= h,  Ax = b,  lb <= x <= ub
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/interrupt.hpp"
#include "portfolio/matrix.hpp"
#include "portfolio/qp.hpp"

namespace portfolio {

// CVaR is the mean loss of the worst 1 - confidence of the probability; a scenario on the edge counts in part.
struct CvarProblem {
  MatrixView returns;        // T x n, a row a scenario
  VectorView probabilities;  // T, >= 0, normalised to sum to one; not given means equal
  double confidence = 0.95;  // above 0 and below 1
  VectorView q;              // n; not given means zero
  MatrixView G;              // m x n
  VectorView h;              // m, +inf switches a row off
  MatrixView A;              // p x n
  VectorView b;              // p
  VectorView lb, ub;         // n, infinities allowed
};

struct CvarOptions {
  double tolerance = 1e-9;  // on the relative residuals and gap, as in qp.hpp
  int max_iterations = 100000;
  VectorView start{};  // n, a point near the answer, feasible or not
  Device device = Device::automatic;
  Interrupt interrupt{};
};

// Stationarity: q - R's + G'z + A'y + z_box = 0 with z >= 0, z_box < 0 at a lower and > 0 at an upper bound, and
// scenario duals s >= 0 that sum to one, at most probability / (1 - confidence) each: s is the worst case that CVaR
// averages over. Infeasible: (z, y, z_box) is the Farkas certificate. Unbounded: x is the ray. Both as in qp.hpp.
struct CvarResult {
  std::vector<double> x, y, z, z_box, scenarios;
  QpStatus status = QpStatus::numerical_error;
  double objective = 0.0;  // cvar + q'x
  double cvar = 0.0, var = 0.0;
  double primal_residual = 0.0, dual_residual = 0.0, gap = 0.0;  // relative, on the caller's data
  int iterations = 0;
  double seconds = 0.0;
  DeviceUsed device;
};

CvarResult solve_cvar(const CvarProblem& problem, const CvarOptions& options = {});

}  // namespace portfolio
