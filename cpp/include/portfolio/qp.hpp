// Dense convex quadratic programs in the form and sign conventions of qpsolvers:
//   minimise 1/2 x'Px + q'x  subject to  Gx <= h,  Ax = b,  lb <= x <= ub
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct QpProblem {
  MatrixView P;       // n x n, symmetric positive semidefinite; not given means zero (a linear program)
  VectorView q;       // n
  MatrixView G;       // m x n
  VectorView h;       // m, +inf switches a row off
  MatrixView A;       // p x n
  VectorView b;       // p
  VectorView lb, ub;  // n, infinities allowed
};

enum class QpStatus { optimal, primal_infeasible, dual_infeasible, max_iterations, numerical_error };
const char* to_string(QpStatus status);

struct QpOptions {
  double tolerance = 1e-9;  // on the relative residuals and gap defined in docs/numerics/qp.md
  int max_iterations = 200;
  bool polish = true;  // active-set polish of the interior-point answer: exact zeros and bounds
  Device device = Device::automatic;
};

// Stationarity: Px + q + G'z + A'y + z_box = 0, z >= 0, z_box < 0 at a lower and > 0 at an upper bound.
// Infeasible: (z, y, z_box) is the Farkas certificate. Unbounded: x is the ray. docs/numerics/qp.md has the tests.
struct QpResult {
  std::vector<double> x, y, z, z_box;
  QpStatus status = QpStatus::numerical_error;
  double objective = 0.0;
  double primal_residual = 0.0, dual_residual = 0.0, gap = 0.0;  // relative, on the caller's data
  int iterations = 0;
  bool polished = false;
  double seconds = 0.0;
  DeviceUsed device;
};

QpResult solve_qp(const QpProblem& problem, const QpOptions& options = {});
std::vector<QpResult> solve_qp_batch(const std::vector<QpProblem>& problems, const QpOptions& options = {});

}  // namespace portfolio
