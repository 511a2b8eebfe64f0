// Risk and return measures of a series of simple returns. Conventions and sources: docs/numerics.md.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct PerformanceOptions {
  VectorView benchmark;         // T, optional; without it the relative measures are NaN
  double risk_free_rate = 0.0;  // annual
  double periods_per_year = 252.0;
  double confidence = 0.95;
  Device device = Device::automatic;
};

struct Drawdown {
  std::size_t peak, valley, recovery;  // indices into the value path (0 = start); recovery == size if not recovered
  double depth;                        // negative
};

struct PerformanceResult {
  double total_return, annualized_return, geometric_return, volatility, downside_deviation;
  double sharpe_ratio, sortino_ratio, calmar_ratio, omega_ratio;
  double max_drawdown, average_drawdown, ulcer_index;
  double value_at_risk, conditional_value_at_risk;  // one period, as returns, negative is a loss
  double skewness, kurtosis, best, worst, positive_share;
  double alpha, beta, correlation, tracking_error, information_ratio, treynor_ratio;
  double up_capture, down_capture;
  std::vector<Drawdown> drawdowns;  // deepest first
  std::size_t observations;
  DeviceUsed device;
};

PerformanceResult performance(VectorView returns, const PerformanceOptions& options = {});

}  // namespace portfolio
