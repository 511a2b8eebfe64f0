// Where a portfolio starts that has neither a start nor a limit on its turnover.
#pragma once

#include <cstddef>
#include <vector>

#include "active_set_model.hpp"

namespace portfolio::active {

class FactorStart {
 public:
  // Into x the weights that would be optimal within bounds and the budget, with what trading costs, if one factor
  // explained all covariances: most of those at bounds and inside are there in the answer too. False without an
  // equality row of equal coefficients or without curvature.
  bool find(const Model& model, std::vector<double>& x);

 private:
  void split(const Model& model, double budget);
  template <bool Trades>
  double wanted(std::size_t j) const;
  template <bool Trades>
  bool spend(double budget, std::vector<double>& x);

  std::vector<double> beta_, specific_, inverse_, price_, low_, high_, ones_;
  std::vector<double> cost_, held_;  // empty without holdings
  double multiplier_ = 0.0;
};

}  // namespace portfolio::active
