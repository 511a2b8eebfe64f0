#include "return_model.hpp"

#include <cmath>

#include "checks.hpp"
#include "psd_factor.hpp"

namespace portfolio {
namespace {

// Mean and covariance of log(1 + R) such that 1 + R is lognormal with the given moments of R.
Matrix log_moments(std::vector<double>& mean, MatrixView covariance) {
  const std::size_t n = mean.size();
  Matrix out(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double ratio = covariance(i, j) / ((1.0 + mean[i]) * (1.0 + mean[j]));
      if (!(ratio > -1.0)) {
        fail("simulate", "covariance", "one that lognormal returns can have",
             "too negative an entry at " + position(i * n + j, n, n));
      }
      out(i, j) = std::log1p(ratio);
    }
  }
  for (std::size_t i = 0; i < n; ++i) mean[i] = std::log1p(mean[i]) - 0.5 * out(i, i);
  return out;
}

}  // namespace

ReturnModel return_model(VectorView mean, MatrixView covariance, Distribution distribution) {
  ReturnModel model;
  model.mean.assign(mean.data, mean.data + mean.size);
  const bool lognormal = distribution == Distribution::lognormal;
  const Matrix logs = lognormal ? log_moments(model.mean, covariance) : Matrix();
  model.factor = psd_factor(lognormal ? logs.view() : covariance, "simulate", "covariance");
  return model;
}

}  // namespace portfolio
