// Risk budgets within bounds (Richard and Roncalli 2019, "Constrained risk budgeting portfolios", section 3): the
// weights that minimise volatility - scale * sum b_i log w_i within the bounds, at the scale for which they sum to one.
// Names off their bounds contribute scale * b_i to the volatility; a name at its upper (lower) bound at most (least)
// that.
#pragma once

#include "portfolio/risk_parity.hpp"

namespace portfolio::parity {

// y = volatility * weight, in units of the largest volatility; for a given lambda the minimiser of
// 1/2 y'Cy - lambda sum b_i log y_i within the bounds, and lambda (scale times volatility) by a bracketed Newton
// search.
class Bounded {
 public:
  Bounded(MatrixView covariance, const RiskParityOptions& options);

  RiskParityResult solve(const std::vector<double>& start);

 private:
  enum class Side : char { lower, free, upper };

  void multiply();
  void sweep();
  bool newton();
  void factorise();
  bool minimise(int& iterations);
  double residual() const;
  Side side(std::size_t i) const;
  double excess() const;  // of the sum of the weights over one
  bool search(RiskParityResult& result);
  double next_lambda(double low, double high, double excess);
  void report(RiskParityResult& result) const;

  const RiskParityOptions& options_;
  std::size_t n_;
  Matrix C_, H_;
  std::vector<double> b_, sigma_, lower_, upper_, y_, g_, kept_, step_, drift_;
  std::vector<std::size_t> free_;
  double unit_ = 1.0, lambda_ = 1.0;
};

}  // namespace portfolio::parity
