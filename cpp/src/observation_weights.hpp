// Weights of the observations of a covariance, normalised to sum to one; the checks and the kernels share them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "portfolio/covariance.hpp"

namespace portfolio {

struct ObservationWeights {
  std::vector<double> p;   // empty when all are equal
  double effective = 0.0;  // Kish: 1 / sum p^2
};

inline ObservationWeights observation_weights(std::size_t observations, const CovarianceOptions& options) {
  ObservationWeights out;
  out.effective = static_cast<double>(observations);
  const bool decays = options.method == CovarianceMethod::exponential;
  if (!decays && !options.weights) return out;
  out.p.resize(observations);
  // The largest becomes 1 first, so that no sum overflows.
  double largest = 1.0;
  if (options.weights) largest = *std::max_element(options.weights.data, options.weights.data + observations);
  double sum = 0.0;
  for (std::size_t t = 0; t < observations; ++t) {
    const double decay = decays ? std::exp2(-static_cast<double>(observations - 1 - t) / options.halflife) : 1.0;
    out.p[t] = decay * (options.weights ? options.weights[t] / largest : 1.0);
    sum += out.p[t];
  }
  double squares = 0.0;
  for (double& p : out.p) {
    p /= sum;
    squares += p * p;
  }
  out.effective = 1.0 / squares;
  return out;
}

}  // namespace portfolio
