#include "portfolio/performance.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

void check_returns(const char* function, const char* argument, MatrixView returns) {
  const std::size_t count = returns.rows * returns.cols;
  check_finite(function, argument, returns.data, returns.rows, returns.cols);
  if (smallest(returns.data, count) >= -1.0) return;
  for (std::size_t k = 0; k < count; ++k) {
    if (returns.data[k] < -1.0) {
      fail(function, argument, "simple returns, not below -1 (a loss of everything)",
           number(returns.data[k]) + " at " + position(k, returns.rows, returns.cols));
    }
  }
}

// `rows` x `series`, one row for a vector so that errors name one place.
void check(const char* function, MatrixView returns, std::size_t periods, const PerformanceOptions& options) {
  if (periods == 0) fail(function, "returns", "at least 1 observation", "none");
  check_returns(function, "returns", returns);
  if (options.benchmark) {
    if (options.benchmark.size != periods) {
      fail(function, "benchmark", "one for each of the " + std::to_string(periods) + " returns",
           std::to_string(options.benchmark.size));
    }
    check_returns(function, "benchmark", {options.benchmark.data, 1, periods});
  }
  if (!(options.risk_free_rate > -1.0 && std::isfinite(options.risk_free_rate))) {
    fail(function, "risk_free_rate", "an annual rate above -1", number(options.risk_free_rate));
  }
  if (!(options.periods_per_year > 0.0 && std::isfinite(options.periods_per_year))) {
    fail(function, "periods_per_year", "a positive number", number(options.periods_per_year));
  }
  if (!(options.confidence > 0.0 && options.confidence < 1.0)) {
    fail(function, "confidence", "a probability between 0 and 1", number(options.confidence));
  }
}

}  // namespace

PerformanceResult performance(VectorView returns, const PerformanceOptions& options) {
  constexpr const char* kName = "performance";
  check(kName, {returns.data, 1, returns.size}, returns.size, options);
  const Choice choice = choose_backend(options.device, kName);
  PerformanceResult result = choice.backend.performance(returns, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

std::vector<PerformanceResult> performance_batch(MatrixView returns, const PerformanceOptions& options) {
  constexpr const char* kName = "performance_batch";
  check(kName, returns, returns.rows, options);
  const Choice choice = choose_backend(options.device, kName);
  std::vector<PerformanceResult> results = choice.backend.performance_batch(returns, options);
  for (PerformanceResult& result : results) {
    if (result.device.reason.empty()) result.device = choice.used;
  }
  return results;
}

RollingResult rolling_performance(VectorView returns, std::size_t window, const PerformanceOptions& options) {
  constexpr const char* kName = "rolling_performance";
  check(kName, {returns.data, 1, returns.size}, returns.size, options);
  if (window < 2) fail(kName, "window", "at least 2 returns", std::to_string(window));
  const Choice choice = choose_backend(options.device, kName);
  RollingResult result = choice.backend.rolling_performance(returns, window, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
