// Covariance estimators of a (T observations x n assets) matrix of returns.
#pragma once

#include "portfolio/device.hpp"
#include "portfolio/matrix.hpp"

namespace portfolio {

enum class CovarianceMethod { sample, exponential, ledoit_wolf, oas };

struct CovarianceOptions {
  CovarianceMethod method = CovarianceMethod::sample;
  double ddof = 1.0;      // sample and exponential
  double halflife = 0.0;  // exponential: observations until a weight halves; required there
  VectorView weights;     // optional observation weights, length T, >= 0
  Device device = Device::automatic;
};

struct CovarianceResult {
  Matrix covariance;         // n x n, exactly symmetric
  std::vector<double> mean;  // n, weighted as the covariance is
  double shrinkage = 0.0;    // share of the target, 0 for sample and exponential
  DeviceUsed device;
};

CovarianceResult covariance(MatrixView returns, const CovarianceOptions& options = {});
CovarianceResult covariance(BasicMatrixView<float> returns, const CovarianceOptions& options = {});

}  // namespace portfolio
