#include "portfolio/covariance.hpp"

#include "backend.hpp"
#include "checks.hpp"
#include "observation_weights.hpp"

namespace portfolio {
namespace {

void check_weights(const char* function, VectorView weights, std::size_t observations) {
  if (!weights) return;
  if (weights.size != observations) {
    fail(function, "weights", "one for each of the " + std::to_string(observations) + " observations",
         std::to_string(weights.size));
  }
  check_finite(function, "weights", weights.data, 1, weights.size);
  std::size_t positive = 0;
  for (std::size_t t = 0; t < weights.size; ++t) {
    if (weights[t] < 0.0) {
      fail(function, "weights", "no negative weight", number(weights[t]) + " at " + position(t, 1, weights.size));
    }
    positive += weights[t] > 0.0 ? 1 : 0;
  }
  if (positive < 2) fail(function, "weights", "at least 2 positive weights", std::to_string(positive));
}

template <class T>
void check(const char* function, const char* argument, BasicMatrixView<T> returns, const CovarianceOptions& options) {
  if (returns.rows < 2) fail(function, argument, "at least 2 observations", shape(returns.rows, returns.cols));
  if (returns.cols == 0) fail(function, argument, "at least 1 asset", shape(returns.rows, returns.cols));
  check_weights(function, options.weights, returns.rows);
  const bool exponential = options.method == CovarianceMethod::exponential;
  if (exponential && !(options.halflife > 0.0 && std::isfinite(options.halflife))) {
    fail(function, "halflife", "a positive number of observations", number(options.halflife));
  }
  if (!(options.ddof >= 0.0 && std::isfinite(options.ddof))) {
    fail(function, "ddof", "a number not below 0", number(options.ddof));
  }
  const bool shrinks = options.method == CovarianceMethod::ledoit_wolf || options.method == CovarianceMethod::oas;
  const double effective = observation_weights(returns.rows, options).effective;
  if (!shrinks && !(options.ddof < effective * (1.0 - 1e-12))) {
    fail(function, "ddof", "less than the " + number(effective) + " effective observations", number(options.ddof));
  }
}

// A NaN or infinity among the returns is in their mean too: the table is looked through only then.
template <class T>
void check_outcome(const char* function, const char* argument, BasicMatrixView<T> returns,
                   const CovarianceResult& result) {
  if (all_finite(result.mean.data(), result.mean.size())) return;
  check_finite(function, argument, returns.data, returns.rows, returns.cols);
}

template <class T>
CovarianceResult checked(BasicMatrixView<T> returns, const CovarianceOptions& options) {
  constexpr const char* kName = "covariance";
  check(kName, "returns", returns, options);
  const Choice choice = choose_backend(options.device, kName);
  CovarianceResult result = choice.backend.covariance(returns, options);
  check_outcome(kName, "returns", returns, result);
  if (result.device.reason.empty()) result.device = choice.used;
  return result;
}

}  // namespace

CovarianceResult covariance(MatrixView returns, const CovarianceOptions& options) { return checked(returns, options); }

CovarianceResult covariance(BasicMatrixView<float> returns, const CovarianceOptions& options) {
  return checked(returns, options);
}

std::vector<CovarianceResult> covariance_batch(const std::vector<MatrixView>& universes,
                                               const CovarianceOptions& options) {
  constexpr const char* kName = "covariance_batch";
  for (std::size_t k = 0; k < universes.size(); ++k) check(kName, item("returns", k).c_str(), universes[k], options);
  const Choice choice = choose_backend(options.device, kName);
  std::vector<CovarianceResult> results = choice.backend.covariance_batch(universes, options);
  for (std::size_t k = 0; k < results.size(); ++k) {
    check_outcome(kName, item("returns", k).c_str(), universes[k], results[k]);
    if (results[k].device.reason.empty()) results[k].device = choice.used;
  }
  return results;
}

}  // namespace portfolio
