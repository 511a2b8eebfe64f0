// Covariance estimators of a (T observations x n assets) matrix of returns.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

enum class CovarianceMethod { sample, exponential, ledoit_wolf, oas };

struct CovarianceOptions {
  CovarianceMethod method = CovarianceMethod::sample;
  double ddof = 1.0;      // sample and exponential; the shrinkage estimators use 0, as their papers do
  double halflife = 0.0;  // exponential: observations until a weight halves; required there
  VectorView weights;     // optional observation weights, length T, >= 0, of any sum
  Device device = Device::automatic;
};

struct CovarianceResult {
  Matrix covariance;                    // n x n, exactly symmetric
  std::vector<double> mean;             // n, weighted as the covariance is
  double shrinkage = 0.0;               // share of the target, 0 for sample and exponential
  double effective_observations = 0.0;  // 1 / sum of squared normalised weights: T when they are equal
  DeviceUsed device;
};

CovarianceResult covariance(MatrixView returns, const CovarianceOptions& options = {});
CovarianceResult covariance(BasicMatrixView<float> returns, const CovarianceOptions& options = {});

// One estimate for each table, of any shapes, with the same options; weights then fit every table. The same numbers as
// one call for each.
std::vector<CovarianceResult> covariance_batch(const std::vector<MatrixView>& universes,
                                               const CovarianceOptions& options = {});

}  // namespace portfolio
