// Dense convex quadratic programs in the form and sign conventions of qpsolvers:
//   minimise 1/2 x'Px + q'x  subject to  Gx <= h,  Ax = b,  lb <= x <= ub
#pragma once

#include <limits>

#include "portfolio/device.hpp"
#include "portfolio/interrupt.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

// The covariance B F B' + diag(D) of n assets and k factors.
struct FactorView {
  MatrixView B;  // n x k
  MatrixView F;  // k x k, positive semidefinite; not given means the identity
  VectorView D;  // n, >= 0
};

struct QpProblem {
  MatrixView P;       // n x n, symmetric positive semidefinite; not given means zero (a linear program)
  VectorView q;       // n
  MatrixView G;       // m x n
  VectorView h;       // m, +inf switches a row off
  MatrixView A;       // p x n
  VectorView b;       // p
  VectorView lb, ub;  // n, infinities allowed

  FactorView factors{};  // instead of P
  // Trading away from `held` costs sum cost_j |x_j - held_j|, and sum |x_j - held_j| is at most `turnover`.
  VectorView held{};  // n
  VectorView cost{};  // n, >= 0; not given means no cost
  double turnover = std::numeric_limits<double>::infinity();
};

// time_limit and cancelled: the caller ended it; x is the best point so far and the residuals say how good it is.
enum class QpStatus {
  optimal,
  primal_infeasible,
  dual_infeasible,
  max_iterations,
  numerical_error,
  time_limit,
  cancelled
};
const char* to_string(QpStatus status);

// automatic: the active set where the size and structure make it the faster one, with the interior point below it.
enum class QpMethod { automatic, active_set, interior_point };
const char* to_string(QpMethod method);

struct QpOptions {
  double tolerance = 1e-9;  // on the relative residuals and gap defined in docs/numerics/qp.md
  int max_iterations = 200;
  bool polish = true;  // active-set polish of the interior-point answer: exact zeros and bounds
  Device device = Device::automatic;
  QpMethod method = QpMethod::automatic;
  VectorView start{};                  // n, a point near the answer, feasible or not; the active set starts from it
  const VectorView* starts = nullptr;  // of a batch: one for each problem (or none, a null view) instead of `start`
  bool check_matrix = true;            // P (or F and D) symmetric and positive semidefinite; false: the caller knows
  Interrupt interrupt{};
};

// Stationarity: Px + q + G'z + A'y + z_box + z_trade = 0, z >= 0, z_box < 0 at a lower and > 0 at an upper bound,
// z_trade_j a slope of (cost_j + turnover_dual) |x_j - held_j|. The objective includes the trading cost.
// Infeasible: (z, y, z_box) is the Farkas certificate. Unbounded: x is the ray. docs/numerics/qp.md has the tests.
struct QpResult {
  std::vector<double> x, y, z, z_box;
  std::vector<double> z_trade;  // empty when nothing is held
  double turnover_dual = 0.0;   // >= 0
  QpStatus status = QpStatus::numerical_error;
  double objective = 0.0;
  double primal_residual = 0.0, dual_residual = 0.0, gap = 0.0;  // relative, on the caller's data
  int iterations = 0;
  bool polished = false;
  QpMethod method = QpMethod::interior_point;  // the one that gave this answer
  double seconds = 0.0;
  DeviceUsed device;
};

QpResult solve_qp(const QpProblem& problem, const QpOptions& options = {});
std::vector<QpResult> solve_qp_batch(const std::vector<QpProblem>& problems, const QpOptions& options = {});

}  // namespace portfolio
