#include "portfolio/monte_carlo.hpp"

#include "backend.hpp"
#include "checks.hpp"

namespace portfolio {
namespace {

constexpr const char* kName = "simulate";
constexpr const char* kBootstrap = "simulate_bootstrap";

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

void check_options(const char* name, const SimulateOptions& options) {
  constexpr std::size_t kSteps = 1u << 31;
  if (options.horizon < 1 || options.horizon > kSteps) {
    fail(name, "horizon", "1 to 2^31 steps", std::to_string(options.horizon));
  }
  if (options.scenarios < 2) fail(name, "scenarios", "at least 2", std::to_string(options.scenarios));
  if (options.degrees_of_freedom < 3 || options.degrees_of_freedom > 1000) {
    fail(name, "degrees_of_freedom", "3 to 1000 (below 3 there is no variance)",
         std::to_string(options.degrees_of_freedom));
  }
  if (!(options.initial_value > 0.0 && std::isfinite(options.initial_value))) {
    fail(name, "initial_value", "a positive number", number(options.initial_value));
  }
  if (!(options.confidence > 0.0 && options.confidence < 1.0)) {
    fail(name, "confidence", "a probability between 0 and 1", number(options.confidence));
  }
  for (const double level : options.quantile_levels) {
    if (!(level > 0.0 && level < 1.0)) fail(name, "quantiles", "levels between 0 and 1", number(level));
  }
}

}  // namespace

SimulateResult simulate(VectorView mean, MatrixView covariance, VectorView weights, const SimulateOptions& options) {
  check_inputs(mean, covariance, weights);
  check_options(kName, options);
  if (options.distribution == Distribution::lognormal) {
    for (std::size_t i = 0; i < mean.size; ++i) {
      if (!(mean[i] > -1.0)) {
        fail(kName, "mean", "returns above -1 (lognormal)", number(mean[i]) + " at " + position(i, 1, mean.size));
      }
    }
  }
  if (options.sampling == Sampling::sobol && options.distribution == Distribution::student_t) {
    fail(kName, "sampling", "\"random\" for student_t, whose chi-squared variable has no Sobol dimension", "\"sobol\"");
  }
  const Choice choice = choose_backend(options.device, kName);
  SimulateResult result = choice.backend.simulate(mean, covariance, weights, options);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

SimulateResult simulate_bootstrap(MatrixView history, VectorView weights, const SimulateOptions& options) {
  const std::size_t n = history.cols;
  if (history.rows < 2 || history.rows >= (1u << 31) || n == 0) {
    fail(kBootstrap, "returns", "2 to 2^31 - 1 observations of at least one asset", shape(history.rows, n));
  }
  check_finite(kBootstrap, "returns", history.data, history.rows, n);
  if (weights.size != n) {
    fail(kBootstrap, "weights", "one for each of the " + std::to_string(n) + " assets", std::to_string(weights.size));
  }
  check_finite(kBootstrap, "weights", weights.data, 1, n);
  check_options(kBootstrap, options);
  if (!(options.block_length >= 1.0 && std::isfinite(options.block_length))) {
    fail(kBootstrap, "block_length", "a mean length of at least 1", number(options.block_length));
  }
  const Choice choice = choose_backend(options.device, kBootstrap);
  SimulateResult result = choice.backend.simulate_bootstrap(history, weights, options);
  result.device = choice.used;
  if (choice.used.name != "cpu") result.device = {"cpu", "scenarios from history are drawn on the CPU"};
  return result;
}

}  // namespace portfolio
