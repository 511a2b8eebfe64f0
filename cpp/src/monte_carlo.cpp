#include "portfolio/monte_carlo.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

constexpr const char* kName = "simulate";

void check_inputs(VectorView mean, MatrixView covariance, VectorView weights) {
  check_symmetric(kName, "covariance", covariance);
  const std::size_t n = covariance.rows;
  const std::string each = "one for each of the " + std::to_string(n) + " assets";
  if (mean.size != n) fail(kName, "mean", each, std::to_string(mean.size));
  if (weights.size != n) fail(kName, "weights", each, std::to_string(weights.size));
  check_finite(kName, "mean", mean.data, 1, n);
  check_finite(kName, "weights", weights.data, 1, n);
  for (std::size_t i = 0; i < n; ++i) {
    if (covariance(i, i) < 0.0) {
      fail(kName, "covariance", "no negative variance", number(covariance(i, i)) + " at " + position(i * n + i, n, n));
    }
  }
}

void check_options(const SimulateOptions& options) {
  constexpr std::size_t kSteps = 1u << 31;
  if (options.horizon < 1 || options.horizon > kSteps) {
    fail(kName, "horizon", "1 to 2^31 steps", std::to_string(options.horizon));
  }
  if (options.scenarios < 2) fail(kName, "scenarios", "at least 2", std::to_string(options.scenarios));
  if (options.degrees_of_freedom < 3 || options.degrees_of_freedom > 1000) {
    fail(kName, "degrees_of_freedom", "3 to 1000 (below 3 there is no variance)",
         std::to_string(options.degrees_of_freedom));
  }
  if (!(options.initial_value > 0.0 && std::isfinite(options.initial_value))) {
    fail(kName, "initial_value", "a positive number", number(options.initial_value));
  }
  if (!(options.confidence > 0.0 && options.confidence < 1.0)) {
    fail(kName, "confidence", "a probability between 0 and 1", number(options.confidence));
  }
  for (const double level : options.quantile_levels) {
    if (!(level > 0.0 && level < 1.0)) fail(kName, "quantiles", "levels between 0 and 1", number(level));
  }
}

}  // namespace

SimulateResult simulate(VectorView mean, MatrixView covariance, VectorView weights, const SimulateOptions& options) {
  check_inputs(mean, covariance, weights);
  check_options(options);
  if (options.distribution == Distribution::lognormal) {
    for (std::size_t i = 0; i < mean.size; ++i) {
      if (!(mean[i] > -1.0)) {
        fail(kName, "mean", "returns above -1 (lognormal)", number(mean[i]) + " at " + position(i, 1, mean.size));
      }
    }
  }
  const Choice choice = choose_backend(options.device, kName);
  SimulateResult result = choice.backend.simulate(mean, covariance, weights, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace portfolio
