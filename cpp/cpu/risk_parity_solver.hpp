// minimise 1/2 y'Cy - sum b_i log y_i over y > 0, where C is the correlation matrix: its minimiser, divided by the
// volatilities and normalised, has risk contributions proportional to b (Spinu 2013; Griveau-Billion, Richard and
// Roncalli 2013). Working on C makes the answer and the iteration count independent of the units.
#pragma once

#include "portfolio/risk_parity.hpp"

namespace portfolio::parity {

class Solver {
 public:
  Solver(MatrixView covariance, VectorView budgets);

  const Matrix& correlation() const { return C_; }
  const std::vector<double>& budgets() const { return b_; }  // sum to one
  // Continues from a y of another device, near enough for Newton alone; false when it is not finite and positive.
  bool start(const float* y);
  RiskParityResult solve(double tolerance, int max_iterations);

 private:
  void multiply();
  void rescale();
  void sweep();
  bool newton();
  double error(bool relative) const;
  bool without_risk() const;
  bool indefinite() const;
  void report(RiskParityResult& result) const;

  std::size_t n_;
  Matrix C_;
  std::vector<double> b_, sigma_, y_, g_, step_;  // g = C y
  double variance_ = 0.0;                         // y'Cy
  int sweeps_ = 0;
};

}  // namespace portfolio::parity
