#include "portfolio/performance.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

constexpr const char* kName = "performance";

void check_returns(const char* argument, VectorView returns) {
  check_finite(kName, argument, returns.data, 1, returns.size);
  for (std::size_t t = 0; t < returns.size; ++t) {
    if (returns[t] < -1.0) {
      fail(kName, argument, "simple returns, not below -1 (a loss of everything)",
           number(returns[t]) + " at " + position(t, 1, returns.size));
    }
  }
}

}  // namespace

PerformanceResult performance(VectorView returns, const PerformanceOptions& options) {
  if (returns.size == 0) fail(kName, "returns", "at least 1 observation", "none");
  check_returns("returns", returns);
  if (options.benchmark) {
    if (options.benchmark.size != returns.size) {
      fail(kName, "benchmark", "one for each of the " + std::to_string(returns.size) + " returns",
           std::to_string(options.benchmark.size));
    }
    check_returns("benchmark", options.benchmark);
  }
  if (!(options.risk_free_rate > -1.0 && std::isfinite(options.risk_free_rate))) {
    fail(kName, "risk_free_rate", "an annual rate above -1", number(options.risk_free_rate));
  }
  if (!(options.periods_per_year > 0.0 && std::isfinite(options.periods_per_year))) {
    fail(kName, "periods_per_year", "a positive number", number(options.periods_per_year));
  }
  if (!(options.confidence > 0.0 && options.confidence < 1.0)) {
    fail(kName, "confidence", "a probability between 0 and 1", number(options.confidence));
  }
  const Choice choice = choose_backend(options.device, kName);
  PerformanceResult result = choice.backend.performance(returns, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
