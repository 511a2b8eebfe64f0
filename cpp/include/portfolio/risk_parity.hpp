// Long-only portfolio whose risk contributions are proportional to given budgets.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct RiskParityOptions {
  VectorView budgets;  // n, > 0, normalised to sum to one; not given means equal
  double tolerance = 1e-10;  // max |contribution share - budget|
  int max_iterations = 1000;
  Device device = Device::automatic;
};

struct RiskParityResult {
  std::vector<double> weights;             // > 0, sum to one
  std::vector<double> risk_contributions;  // sum to the volatility
  double volatility = 0.0;
  double max_error = 0.0;
  int iterations = 0;
  bool converged = false;
  DeviceUsed device;
};

RiskParityResult risk_parity(MatrixView covariance, const RiskParityOptions& options = {});

}  // namespace portfolio
