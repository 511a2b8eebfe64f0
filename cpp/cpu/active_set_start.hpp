// Where a portfolio starts that has neither a start nor holdings.
#pragma once

#include <vector>

#include "active_set_model.hpp"

namespace portfolio::active {

class FactorStart {
 public:
  // Into x the weights that would be optimal within bounds and the budget if one factor explained all covariances:
  // most of those held, and of those at bounds, are what the answer holds. False without an equality row of equal
  // coefficients or without curvature.
  bool find(const Model& model, std::vector<double>& x);

 private:
  void split(const Model& model, double budget);
  bool spend(double budget, std::vector<double>& x);

  std::vector<double> beta_, specific_, inverse_, price_, low_, high_, ones_;
  double multiplier_ = 0.0;
};

}  // namespace portfolio::active
