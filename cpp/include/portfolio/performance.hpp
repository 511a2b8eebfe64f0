// Risk and return measures of a series of simple returns. Conventions and sources: docs/numerics/performance.md.
#pragma once

#include <array>
#include <utility>

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

struct PerformanceOptions {
  VectorView benchmark;         // T, optional; without it the relative measures are NaN
  double risk_free_rate = 0.0;  // annual; a period earns (1 + rate)^(1 / periods_per_year) - 1
  double periods_per_year = 252.0;
  double confidence = 0.95;
  Device device = Device::automatic;
};

struct Drawdown {
  std::size_t peak, valley, recovery;  // on the value path: 0 is the start, T the end; T + 1: not recovered
  double depth;                        // negative
};

// Rates are annual unless said otherwise. A ratio whose divisor is zero is infinite, 0 / 0 is NaN; a measure that needs
// more observations than there are (2 for volatility, 3 for skewness, 4 for kurtosis) is NaN.
struct PerformanceResult {
  double total_return;             // compounded, over all periods
  double annualized_return;        // arithmetic: mean x periods
  double geometric_return;         // compounded
  double volatility;               // ddof 1
  double downside_deviation;       // root mean square shortfall below the risk-free rate
  double mean_absolute_deviation;  // around the mean, one period

  double sharpe_ratio, sortino_ratio;  // mean excess return over volatility, over downside deviation
  double omega_ratio;                  // sum of gains over sum of losses against the risk-free rate
  double gain_loss_ratio;              // the same against zero
  double tail_ratio;                   // |95th percentile| over |5th percentile|

  double max_drawdown, average_drawdown;  // negative; the average is over drawdowns
  double ulcer_index, pain_index;         // root mean square and mean of the drawdown over time, positive
  double calmar_ratio;                    // geometric return over |max drawdown|
  double martin_ratio, pain_ratio;        // geometric return above the risk-free rate over the ulcer and pain index
  std::size_t longest_drawdown;           // periods from a peak to its recovery, or to the end

  double value_at_risk, conditional_value_at_risk;  // one period, as returns, negative is a loss
  double skewness, kurtosis;                        // bias-corrected, kurtosis in excess of 3
  double best, worst, positive_share;               // one period; share of returns above zero

  double alpha, beta, correlation;           // regression of excess returns on the benchmark's
  double tracking_error, information_ratio;  // of the return minus the benchmark's
  double treynor_ratio, m_squared;           // mean excess return over beta; return at the benchmark's volatility
  double systematic_risk, specific_risk;     // volatility explained by the benchmark, and the rest
  double up_capture, down_capture;           // geometric mean over its, in its rising and falling periods

  std::vector<Drawdown> drawdowns;  // deepest first
  std::size_t observations;
  DeviceUsed device;
};

PerformanceResult performance(VectorView returns, const PerformanceOptions& options = {});

// One result for each column of a (T x m) table, all against the same benchmark: the numbers of one call for each,
// without the lists of drawdowns.
std::vector<PerformanceResult> performance_batch(MatrixView returns, const PerformanceOptions& options = {});

// Element t is the measure of the `window` returns that end with return t; NaN before the first whole window, and
// without a benchmark for the measures against it.
struct RollingResult {
  std::vector<double> total_return, annualized_return, volatility, downside_deviation, sharpe_ratio, sortino_ratio;
  std::vector<double> max_drawdown, value_at_risk, conditional_value_at_risk;
  std::vector<double> alpha, beta, correlation, tracking_error, information_ratio;
  DeviceUsed device;
};

using RollingMeasure = std::pair<const char*, std::vector<double> RollingResult::*>;

inline const std::array<RollingMeasure, 14>& rolling_measures() {
  static const std::array<RollingMeasure, 14> measures = {{
      {"total_return", &RollingResult::total_return},
      {"annualized_return", &RollingResult::annualized_return},
      {"volatility", &RollingResult::volatility},
      {"downside_deviation", &RollingResult::downside_deviation},
      {"sharpe_ratio", &RollingResult::sharpe_ratio},
      {"sortino_ratio", &RollingResult::sortino_ratio},
      {"max_drawdown", &RollingResult::max_drawdown},
      {"value_at_risk", &RollingResult::value_at_risk},
      {"conditional_value_at_risk", &RollingResult::conditional_value_at_risk},
      {"alpha", &RollingResult::alpha},
      {"beta", &RollingResult::beta},
      {"correlation", &RollingResult::correlation},
      {"tracking_error", &RollingResult::tracking_error},
      {"information_ratio", &RollingResult::information_ratio},
  }};
  return measures;
}

RollingResult rolling_performance(VectorView returns, std::size_t window, const PerformanceOptions& options = {});

}  // namespace portfolio
