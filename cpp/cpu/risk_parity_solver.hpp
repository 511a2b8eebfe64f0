// minimise 1/2 y'Cy - sum b_i log y_i over y > 0, where C is the correlation matrix: its minimiser, divided by the
// volatilities and normalised, has risk contributions proportional to b (Spinu 2013; Griveau-Billion, Richard and
// Roncalli 2013). Working on C makes the answer and the iteration count independent of the units.
#pragma once

#include "portfolio/risk_parity.hpp"

namespace portfolio::parity {

// The correlation matrix, both triangles averaged, and the volatilities.
void correlate(MatrixView covariance, Matrix& correlation, std::vector<double>& sigma);
// Whether an eigenvalue of a correlation matrix is further below zero than rounding can bring it.
bool indefinite(const Matrix& correlation);
// The volatility, in units of one asset's, that rounding alone can make.
inline constexpr double kNoRisk = 1e-7;

class Solver {
 public:
  Solver(MatrixView covariance, VectorView budgets);

  const Matrix& correlation() const { return C_; }
  const std::vector<double>& budgets() const { return b_; }  // sum to one
  // Continues from a y of another device, near enough for Newton alone; false when it is not finite and positive.
  bool start(const float* y);
  RiskParityResult solve(double tolerance, int max_iterations, const Interrupt& interrupt);

 private:
  void multiply();
  void rescale();
  void sweep();
  bool newton();
  bool conjugate_gradients(double accuracy);
  bool factorised();
  double error(bool relative) const;
  bool without_risk() const;
  void report(RiskParityResult& result) const;

  std::size_t n_;
  Matrix C_;
  std::vector<double> b_, root_, sigma_;                                    // root: sqrt(b)
  std::vector<double> y_, g_, step_;                                        // g = C y
  std::vector<double> unit_, rest_, search_, scaled_, product_, solution_;  // of conjugate gradients
  Matrix H_;
  double variance_ = 0.0;  // y'Cy
  int sweeps_ = 0;
};

}  // namespace portfolio::parity
