// The normal variables that simulated returns are made of.
#pragma once

#include <vector>

#include "portfolio/monte_carlo.hpp"

namespace portfolio {

// R, or log(1 + R) where returns are lognormal, is mean + factor z: n, and n x rank.
struct ReturnModel {
  std::vector<double> mean;
  Matrix factor;
};

ReturnModel return_model(VectorView mean, MatrixView covariance, Distribution distribution);

}  // namespace portfolio
