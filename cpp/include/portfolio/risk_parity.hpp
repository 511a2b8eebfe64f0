// Long-only portfolio whose risk contributions are proportional to given budgets, within bounds where there are any.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/interrupt.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct RiskParityOptions {
  VectorView budgets;         // n, > 0, normalised to sum to one; not given means equal
  VectorView lower, upper;    // n, >= 0 and > 0 (infinities allowed), of the weights; not given means none
  double tolerance = 1e-10;   // max |contribution share - budget|
  int max_iterations = 1000;  // coordinate sweeps and Newton steps together
  Device device = Device::automatic;
  Interrupt interrupt{};  // throws Interrupted
};

// zero_risk: a long-only combination has no risk at all, so that no portfolio has the budgets (weights: that
// combination). not_psd: the matrix has a negative eigenvalue and no answer was found. rounding_limit: the matrix is so
// nearly singular that float64 cannot express the tolerance; max_error says how near the weights are. infeasible: no
// weights within the bounds sum to one, or none of those have the budgets.
enum class RiskParityStatus { optimal, zero_risk, not_psd, rounding_limit, infeasible, max_iterations };
const char* to_string(RiskParityStatus status);

// contributions + weights * bound_duals = budget_scale * budgets: names off their bounds (their dual is zero)
// contribute in proportion to the budgets, one at its upper bound (dual > 0) at most that, one at its lower (dual < 0)
// at least.
struct RiskParityResult {
  std::vector<double> weights;             // > 0, sum to one
  std::vector<double> risk_contributions;  // sum to the volatility
  std::vector<double> bound_duals;         // of the volatility
  double budget_scale = 0.0;               // without bounds in force the volatility
  double volatility = 0.0;
  double max_error = 0.0;
  int iterations = 0;
  RiskParityStatus status = RiskParityStatus::max_iterations;
  DeviceUsed device;
};

// One member of a batch; members may share their covariance.
struct RiskParityProblem {
  MatrixView covariance;  // n x n
  VectorView budgets;     // n, > 0, normalised to sum to one; not given means equal
};

RiskParityResult risk_parity(MatrixView covariance, const RiskParityOptions& options = {});
// Each result is that of risk_parity with the member's budgets; `options.budgets` must not be given.
std::vector<RiskParityResult> risk_parity_batch(const std::vector<RiskParityProblem>& problems,
                                                const RiskParityOptions& options = {});

}  // namespace portfolio
